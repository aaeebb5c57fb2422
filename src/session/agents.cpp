#include "session/agents.hpp"

#include <algorithm>

namespace quarterdeck::session {
namespace {

using namespace domain;

Ruleset base_rules(const std::string& tool_output_directory) {
  return {
      {"*", "*", Action::allow},
      {"doom_loop", "*", Action::ask},
      {"external_directory", "*", Action::ask},
      {"external_directory", tool_output_directory + "/*", Action::allow},
      {"question", "*", Action::deny},
      {"plan_enter", "*", Action::deny},
      {"plan_exit", "*", Action::deny},
      {"read", "*", Action::allow},
      {"read", "*.env", Action::ask},
      {"read", "*.env.*", Action::ask},
      {"read", "*.env.example", Action::allow},
  };
}

struct Builtin {
  std::string_view name;
  std::string_view mode;
  std::string_view description;
  bool hidden = false;
  Ruleset rules;
};

std::vector<Builtin> builtins() {
  const Ruleset nothing{{"*", "*", Action::deny}};
  Ruleset explore = nothing;
  for (const char* tool : {"grep", "glob", "list", "bash", "webfetch", "websearch", "read"}) {
    explore.push_back({tool, "*", Action::allow});
  }
  return {
      {"build",
       "primary",
       "Does the work: reads, edits, runs commands. The default.",
       false,
       {{"question", "*", Action::allow}, {"plan_enter", "*", Action::allow}}},
      {"plan",
       "primary",
       "Reads and plans; changes no files.",
       false,
       {{"question", "*", Action::allow},
        {"plan_exit", "*", Action::allow},
        {"task", "general", Action::deny},
        {"edit", "*", Action::deny},
        {"edit", ".opencode/plans/*", Action::allow}}},
      {"general",
       "subagent",
       "Researches and carries out a task with several steps.",
       false,
       {{"todowrite", "*", Action::deny}}},
      {"explore", "subagent", "Finds its way through a code base quickly; reads only.", false, explore},
      {"compaction", "primary", "Summarises a conversation that has grown too long.", true, nothing},
      {"summary", "primary", "Says what a session did.", true, nothing},
      {"title", "primary", "Names a conversation.", true, nothing},
  };
}

void append(Ruleset& rules, const Ruleset& more) { rules.insert(rules.end(), more.begin(), more.end()); }

void override_with(Agent& agent, const config::AgentConfig& wanted) {
  if (wanted.model) agent.model = wanted.model;
  if (wanted.prompt) agent.prompt = wanted.prompt;
  if (wanted.description) agent.description = *wanted.description;
  if (wanted.mode) agent.mode = *wanted.mode;
  if (wanted.hidden) agent.hidden = *wanted.hidden;
  if (wanted.temperature) agent.temperature = wanted.temperature;
  if (wanted.top_p) agent.top_p = wanted.top_p;
  if (wanted.steps) agent.steps = wanted.steps;
  append(agent.permission, wanted.permission);
}

}  // namespace

std::vector<Agent> make_agents(const config::Config& config, const std::string& tool_output_directory) {
  std::vector<Agent> agents;
  for (const Builtin& builtin : builtins()) {
    Agent agent{.name = std::string(builtin.name),
                .description = std::string(builtin.description),
                .mode = std::string(builtin.mode),
                .hidden = builtin.hidden,
                .permission = base_rules(tool_output_directory)};
    append(agent.permission, builtin.rules);
    if (!builtin.hidden) append(agent.permission, config.permission);
    agents.push_back(std::move(agent));
  }
  for (const auto& [name, wanted] : config.agents) {
    const auto known = std::ranges::find(agents, name, &Agent::name);
    if (wanted.disable.value_or(false)) {
      if (known != agents.end()) agents.erase(known);
      continue;
    }
    if (known != agents.end()) {
      override_with(*known, wanted);
      continue;
    }
    Agent agent{.name = name, .mode = "all", .native = false, .permission = base_rules(tool_output_directory)};
    append(agent.permission, config.permission);
    override_with(agent, wanted);
    agents.push_back(std::move(agent));
  }
  const std::string first = config.default_agent.value_or("build");
  std::ranges::sort(agents, [&](const Agent& a, const Agent& b) {
    return std::pair(a.name != first, a.name) < std::pair(b.name != first, b.name);
  });
  return agents;
}

const Agent* find_agent(const std::vector<Agent>& agents, std::string_view name) {
  const auto found = std::ranges::find(agents, name, &Agent::name);
  return found == agents.end() ? nullptr : &*found;
}

}  // namespace quarterdeck::session
