// What the user configured of the server as a whole: the member "quarterdeck" of their own files, no project's.
#pragma once

#include <string>

#include "base/paths.hpp"
#include "config/config.hpp"

namespace quarterdeck::config {

// Reads files and blocks. JSON; "{}" when there is nothing.
std::string user_settings(const Places& places, const Environment& environment = process_environment());

// {"search": {"enabled": false}}, or QUARTERDECK_SEARCH=off: nothing is indexed.
bool searching(const Places& places, const Environment& environment = process_environment());

}  // namespace quarterdeck::config
