// Shows a file with line numbers, the names in a directory, or hands a picture or PDF to the model.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_read();

}  // namespace quarterdeck::tools
