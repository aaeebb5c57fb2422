#include "session/agents.hpp"

#include <algorithm>

namespace quarterdeck::session {
namespace {

using namespace domain;

// Outside the project, but ours: full outputs of tools, and the folders of skills.
void add_external_places(Ruleset& rules, const AgentPlaces& places) {
  rules.push_back({"external_directory", "*", Action::ask});
  rules.push_back({"external_directory", (places.data / "tool-output" / "*").string(), Action::allow});
  for (const auto& folder : places.skill_folders) {
    rules.push_back({"external_directory", (folder / "*").string(), Action::allow});
  }
}

Ruleset base_rules(const AgentPlaces& places) {
  Ruleset rules{
      {"*", "*", Action::allow},
      {"doom_loop", "*", Action::ask},
  };
  add_external_places(rules, places);
  const Ruleset rest{
      {"question", "*", Action::deny},          {"plan_enter", "*", Action::deny},
      {"plan_exit", "*", Action::deny},         {"read", "*", Action::allow},
      {"read", "*.env", Action::ask},           {"read", "*.env.*", Action::ask},
      {"read", "*.env.example", Action::allow},
  };
  rules.insert(rules.end(), rest.begin(), rest.end());
  return rules;
}

struct Builtin {
  std::string_view name;
  std::string_view mode;
  std::string_view description;
  bool hidden = false;
  Ruleset rules;
};

std::vector<Builtin> builtins(const AgentPlaces& places) {
  const auto plans = places.data / "plans";
  const Ruleset nothing{{"*", "*", Action::deny}};
  Ruleset explore = nothing;
  for (const char* tool : {"grep", "glob", "list", "bash", "webfetch", "websearch", "read"}) {
    explore.push_back({tool, "*", Action::allow});
  }
  add_external_places(explore, places);
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
        {"external_directory", (plans / "*").string(), Action::allow},
        {"edit", "*", Action::deny},
        {"edit", ".opencode/plans/*.md", Action::allow},
        {"edit", (plans / "*.md").lexically_relative(places.worktree).string(), Action::allow}}},
      {"general",
       "subagent",
       "General-purpose agent for researching complex questions and for tasks with several steps. Several of them can "
       "work "
       "in parallel.",
       false,
       {{"todowrite", "*", Action::deny}}},
      {"explore", "subagent",
       "Finds its way through a code base quickly; reads only. Say what you "
       "want to know and how thorough to be: quick, medium or very thorough.",
       false, explore},
      {"compaction", "primary", "Summarises a conversation that has grown too long.", true, nothing},
      {"summary", "primary", "Says what a session did.", true, nothing},
      {"title", "primary", "Names a conversation.", true, nothing},
  };
}

void append(Ruleset& rules, const Ruleset& more) { rules.insert(rules.end(), more.begin(), more.end()); }

void override_with(Agent& agent, const config::AgentConfig& wanted) {
  if (wanted.model) agent.model = wanted.model;
  if (agent.model && wanted.variant) agent.model->variant = wanted.variant;
  if (wanted.prompt) agent.prompt = wanted.prompt;
  if (wanted.description) agent.description = *wanted.description;
  if (wanted.mode) agent.mode = *wanted.mode;
  if (wanted.hidden) agent.hidden = *wanted.hidden;
  if (wanted.temperature) agent.temperature = wanted.temperature;
  if (wanted.top_p) agent.top_p = wanted.top_p;
  if (wanted.steps) agent.steps = wanted.steps;
  if (wanted.color) agent.color = wanted.color;
  if (wanted.options.text != "{}") agent.options = wanted.options;
  append(agent.permission, wanted.permission);
}

}  // namespace

std::vector<Agent> make_agents(const config::Config& config, const AgentPlaces& places) {
  std::vector<Agent> agents;
  for (const Builtin& builtin : builtins(places)) {
    Agent agent{.name = std::string(builtin.name),
                .description = std::string(builtin.description),
                .mode = std::string(builtin.mode),
                .hidden = builtin.hidden,
                .permission = base_rules(places)};
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
    Agent agent{.name = name, .mode = "all", .native = false, .permission = base_rules(places)};
    append(agent.permission, config.permission);
    override_with(agent, wanted);
    agents.push_back(std::move(agent));
  }
  for (Agent& agent : agents) {
    // What tools put aside for the agent it may read, unless all that lies outside is denied.
    const bool closed = std::ranges::any_of(agent.permission, [&](const Rule& rule) {
      return rule.permission == "external_directory" && rule.action == Action::deny &&
             rule.pattern == (places.data / "tool-output" / "*").string();
    });
    if (!closed) {
      agent.permission.push_back({"external_directory", (places.data / "tool-output" / "*").string(), Action::allow});
    }
  }
  const auto can_be_first = [](const Agent& agent) { return agent.mode != "subagent" && !agent.hidden; };
  std::ranges::sort(agents, {}, &Agent::name);
  auto first = std::ranges::find(agents, config.default_agent.value_or("build"), &Agent::name);
  if (first == agents.end() || !can_be_first(*first)) first = std::ranges::find(agents, "build", &Agent::name);
  if (first == agents.end() || !can_be_first(*first)) first = std::ranges::find_if(agents, can_be_first);
  if (first != agents.end()) std::rotate(agents.begin(), first, first + 1);
  return agents;
}

std::string default_agent_problem(const config::Config& config, const std::vector<Agent>& agents) {
  if (!config.default_agent) return {};
  const Agent* agent = find_agent(agents, *config.default_agent);
  if (!agent) return fmt::format("default_agent: agent \"{}\" not found", *config.default_agent);
  if (agent->mode == "subagent") return fmt::format("default_agent: \"{}\" is a subagent", agent->name);
  if (agent->hidden) return fmt::format("default_agent: \"{}\" is hidden", agent->name);
  return {};
}

const Agent* find_agent(const std::vector<Agent>& agents, std::string_view name) {
  const auto found = std::ranges::find(agents, name, &Agent::name);
  return found == agents.end() ? nullptr : &*found;
}

}  // namespace quarterdeck::session
