// Finds lines by a regular expression.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_grep();

}  // namespace quarterdeck::tools
