// Changes several files by one patch text; takes the place of edit and write for models that were trained on it.
#pragma once

#include "tools/file_locks.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_apply_patch(std::shared_ptr<FileLocks> locks);

}  // namespace quarterdeck::tools
