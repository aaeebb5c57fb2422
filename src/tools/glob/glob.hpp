// Finds files by the shape of their names.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_glob();

}  // namespace quarterdeck::tools
