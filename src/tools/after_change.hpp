// What follows when a tool has written a file: the project's formatters run over it.
#pragma once

#include <optional>
#include <string>

#include "tools/path_guard.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

// The file's text after its formatters; nothing when none ran. The byte order mark stays as the tool wrote it.
Task<std::optional<std::string>> format_written(std::filesystem::path file, bool byte_order_mark, ToolContext& context);

}  // namespace quarterdeck::tools
