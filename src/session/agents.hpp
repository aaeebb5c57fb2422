// The built-in agents and what the configuration makes of them.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "domain/agent.hpp"

namespace quarterdeck::session {

// build and plan (primary), general and explore (subagents), compaction, title and summary (hidden), then the
// configured ones; the default agent first, the others by name. An agent's rules are, in order: the base rules, its own,
// the configuration's `permission`, its own configured ones. Session rules come after them (docs/permissions.md).
std::vector<domain::Agent> make_agents(const config::Config& config, const std::string& tool_output_directory);

const domain::Agent* find_agent(const std::vector<domain::Agent>& agents, std::string_view name);

}  // namespace quarterdeck::session
