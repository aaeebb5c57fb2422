// The built-in agents and what the configuration makes of them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "domain/agent.hpp"

namespace quarterdeck::session {

// build and plan (primary), general and explore (subagents), compaction, title and summary (hidden), then the
// configured ones; the default agent first, the others by name. An agent's rules are, in order: the base rules, its own,
// the configuration's `permission`, its own configured ones. Session rules come after them (docs/permissions.md).
struct AgentPlaces {
  std::filesystem::path data;  // Quarterdeck's
  std::filesystem::path worktree;  // "/" outside a repository
  std::vector<std::filesystem::path> skill_folders = {};
};
std::vector<domain::Agent> make_agents(const config::Config& config, const AgentPlaces& places);

// What is wrong with the configured default agent; empty when nothing is. Another one takes its place.
std::string default_agent_problem(const config::Config& config, const std::vector<domain::Agent>& agents);

const domain::Agent* find_agent(const std::vector<domain::Agent>& agents, std::string_view name);

}  // namespace quarterdeck::session
