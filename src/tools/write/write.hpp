// Creates a file or replaces all of its content.
#pragma once

#include "tools/file_locks.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_write(std::shared_ptr<FileLocks> locks);

}  // namespace quarterdeck::tools
