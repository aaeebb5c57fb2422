// A scenario file: what the scripted model says, by rules; the first rule that matches answers.
//
//   {"name": "…", "model": {"id": "…", "name": "…"},
//    "rules": [{"when": {"user_contains": "…", "system_contains": "…", "tool_result_contains": "…", "step": 0},
//               "reply": {"reasoning": "…", "text": "…", "tool_calls": [{"name": "bash", "arguments": {…}}],
//                         "finish": "stop", "usage": {"prompt_tokens": 1, "completion_tokens": 1},
//                         "delay_ms": 0, "delta_ms": 20, "status": 503, "fault": "reset-mid"}}],
//    "otherwise": {reply}}
//
// `step` counts the tool steps since the newest user message, from 0. `tool_result_contains` looks at the results of
// the last step. In texts and arguments, {{directory}} is the session's working directory. Comments are allowed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/json_text.hpp"
#include "llm/scripted/conversation.hpp"
#include "llm/scripted/script.hpp"

namespace quarterdeck::llm::scripted {

struct ReplyCall {
  std::string name;
  domain::JsonText arguments{"{}"};  // a string is sent raw
};
struct ReplyUsage {
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> completion_tokens;
};
struct Reply {
  std::optional<std::string> reasoning;
  std::optional<std::string> text;
  std::optional<std::vector<ReplyCall>> tool_calls;
  std::optional<std::string> finish;
  std::optional<ReplyUsage> usage;
  std::optional<std::int64_t> delay_ms;
  std::optional<std::int64_t> delta_ms;
  std::optional<int> status;
  std::optional<std::string> fault;
};
struct When {
  std::optional<std::string> user_contains;
  std::optional<std::string> system_contains;
  std::optional<std::string> tool_result_contains;
  std::optional<int> step;
};
struct Rule {
  When when;
  Reply reply;
};
struct ScenarioModel {
  std::string id = "scripted";
  std::string name = "Scripted model (no language model configured)";
};
struct Scenario {
  std::string name;
  ScenarioModel model;
  std::vector<Rule> rules;
  std::optional<Reply> otherwise;
};

// Errors: `invalid`; the message begins with `file` and says where and what was expected.
Result<Scenario> parse_scenario(std::string_view text, std::string_view file);

// Nothing when no rule matches and there is no "otherwise".
std::optional<Script> script_of_scenario(const Scenario& scenario, const Conversation& conversation);

}  // namespace quarterdeck::llm::scripted
