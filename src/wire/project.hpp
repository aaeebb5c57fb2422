// Projects as JSON.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/project.hpp"

namespace quarterdeck::wire {

std::string encode_project(const domain::Project& project);
Result<domain::Project> decode_project(std::string_view json);

}  // namespace quarterdeck::wire
