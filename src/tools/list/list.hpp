// Shows what is below a directory, as a tree.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_list();

}  // namespace quarterdeck::tools
