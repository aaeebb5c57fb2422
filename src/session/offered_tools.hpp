// Which tools a model is told of in one turn, and in which words.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "domain/agent.hpp"
#include "domain/model.hpp"
#include "llm/provider.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::session {

struct Offer {
  const tools::Registry& registry;
  const domain::Agent& agent;
  const domain::Ruleset& session_rules;
  const std::optional<domain::JsonText>& switches;  // {"name": false} of the prompt
  const domain::ModelInfo& model;
  const std::vector<domain::Agent>& agents;
  const std::vector<workspace::Skill>& skills;
  const domain::JsonText& settings;  // the configuration's "quarterdeck"
};

// Those that no rule denies outright: `apply_patch` in place of edit and write where the model knows it, `task` with the
// subagents that may be called, `skill` where there is one.
std::vector<llm::ToolSpec> offered_tools(const Offer& offer);

// The skills that the agent may load, as the system prompt lists them; empty when there are none.
std::string skill_list(const Offer& offer);

}  // namespace quarterdeck::session
