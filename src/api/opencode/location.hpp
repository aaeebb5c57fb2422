// The envelope of OpenCode's v2 answers (/api/…) that belong to a directory.
#pragma once

#include <string>
#include <string_view>

#include "workspace/project.hpp"

namespace quarterdeck::api::opencode {

// {"directory","project":{"id","directory"}}
std::string location_json(const workspace::Location& location);
// {"location":…,"data":…}
std::string located(const workspace::Location& location, std::string_view data);

}  // namespace quarterdeck::api::opencode
