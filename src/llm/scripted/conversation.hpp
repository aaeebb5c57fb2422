// What the scripted model looks at in a chat completions request.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace quarterdeck::llm::scripted {

struct Conversation {
  std::string model;
  std::string session;  // x-session-affinity, or empty
  bool stream = false;
  bool has_tools = false;
  std::string first_tool;  // "bash" when it is among the tools
  std::string system;
  std::string user;               // the newest user message
  int step = 0;                   // assistant messages with tool calls after it
  int tool_results = 0;           // tool messages after it
  std::string newest_results;     // the tool messages at the very end, joined
  bool operator==(const Conversation&) const = default;

  // From the system prompt's line "Working directory: …"; empty without one.
  std::string directory() const;
};

// Errors: `invalid` for a body that is not a chat completions request.
Result<Conversation> read_conversation(std::string_view body);

}  // namespace quarterdeck::llm::scripted
