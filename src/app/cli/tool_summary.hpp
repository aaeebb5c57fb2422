// One tool call in a few words: what it is about, and what came of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/cli/terminal.hpp"
#include "domain/message.hpp"

namespace quarterdeck::app {

// "git status", "src/main.cpp": the input's gist. Paths below `directory` are shown relative to it. Unbounded; cut it.
std::string tool_subject(std::string_view tool, std::string_view input_json, std::string_view directory);

struct ToolOutcome {
  bool ok = true;
  std::string headline;  // "+3 -1", "exit 2", "" when there is nothing to say
  std::vector<std::string> lines;
  std::size_t lines_left_out = 0;
};
// For a completed or failed call; whatever is shown is harmless and at most `style.columns` wide.
ToolOutcome tool_outcome(const domain::ToolPart& part, const Style& style, std::string_view directory);

}  // namespace quarterdeck::app
