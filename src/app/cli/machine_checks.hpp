// What doctor looks at on this machine: directories, programs, limits. Reads only.
#pragma once

#include <vector>

#include "app/cli/check.hpp"
#include "base/paths.hpp"

namespace quarterdeck::app {

std::vector<Check> directory_checks(const Places& places);
std::vector<Check> program_checks();
std::vector<Check> limit_checks();
// Names of provider keys in the environment. Never their values.
Check provider_key_check();

}  // namespace quarterdeck::app
