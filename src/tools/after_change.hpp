// What follows when a tool has written files: the project's formatters run over them, then its language servers look for
// errors in them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/diagnostic.hpp"
#include "tools/path_guard.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

// The file's text after its formatters; nothing when none ran. The byte order mark stays as the tool wrote it.
Task<std::optional<std::string>> format_written(std::filesystem::path file, bool byte_order_mark, ToolContext& context);

// What language servers know after they were told of `files` (also those that are gone now). Waits some seconds at most.
struct Diagnosed {
  std::vector<lsp::FileDiagnostics> all;
  domain::JsonText metadata{"{}"};  // the member "diagnostics"

  // The file's errors in the words for the model; empty when there are none. `shown`: its name there.
  std::string errors_of(const std::filesystem::path& file, const std::string& shown) const;
};
Task<Diagnosed> diagnose(std::vector<std::filesystem::path> files, ToolContext& context);

}  // namespace quarterdeck::tools
