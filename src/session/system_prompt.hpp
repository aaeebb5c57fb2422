// The system prompt: who the agent is, where it works, what the project says. Our own wording.
// Law: nothing from outside (issue texts, web pages, tool output) is ever part of it; instruction files are, because
// they belong to the project and its owner.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/agent.hpp"
#include "domain/model.hpp"
#include "workspace/instructions.hpp"

namespace quarterdeck::session {

struct SystemPromptInput {
  const domain::Agent& agent;
  const domain::ModelInfo& model;
  std::filesystem::path directory;
  std::filesystem::path worktree;
  bool is_git = false;
  std::string branch;
  TimeMs now = 0;
  const std::vector<workspace::Instruction>& instructions;
  std::string skills = {};  // the list of what may be loaded
  std::string extra;  // the prompt's own `system`
};

std::string system_prompt(const SystemPromptInput& input);

}  // namespace quarterdeck::session
