// Replaces a piece of text in a file.
#pragma once

#include "tools/file_locks.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_edit(std::shared_ptr<FileLocks> locks);

}  // namespace quarterdeck::tools
