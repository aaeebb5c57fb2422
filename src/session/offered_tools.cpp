#include "session/offered_tools.hpp"

#include <algorithm>

#include "permission/rules.hpp"
#include "session/plan.hpp"
#include "session/structured_output.hpp"
#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

bool uses_apply_patch(const ModelInfo& model) {
  return model.api_id.contains("gpt-") && !model.api_id.contains("oss") && !model.api_id.contains("gpt-4");
}

bool denied(const Offer& offer, std::string_view permission, std::string_view pattern) {
  return permission::evaluate(permission, pattern, {offer.agent.permission, offer.session_rules}).action ==
         Action::deny;
}

std::string with_subagents(std::string_view description, const Offer& offer) {
  std::string out = fmt::format("{}\n\nAvailable agent types and the tools they have access to:", description);
  for (const Agent& agent : offer.agents) {
    if (agent.mode == "primary" || agent.hidden || denied(offer, "task", agent.name)) continue;
    out += fmt::format(
        "\n- {}: {}", agent.name,
        agent.description.empty() ? "This subagent should only be called manually by the user." : agent.description);
  }
  return out;
}

std::vector<const workspace::Skill*> skills_of(const Offer& offer) {
  std::vector<const workspace::Skill*> out;
  for (const workspace::Skill& skill : offer.skills) {
    if (!skill.description.empty() && !denied(offer, "skill", skill.name)) out.push_back(&skill);
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace

std::vector<llm::ToolSpec> offered_tools(const Offer& offer) {
  std::vector<llm::ToolSpec> offered;
  std::optional<wire::Json> switches;
  if (offer.switches) {
    if (auto parsed = wire::parse(offer.switches->text)) switches = std::move(*parsed);
  }
  const bool patch = uses_apply_patch(offer.model);
  for (const auto& tool : offer.registry.all()) {
    const std::string_view name = tool->name();
    if (name == "invalid" || !tool->configured(offer.settings)) continue;
    if (name == "apply_patch" && !patch) continue;
    if ((name == "edit" || name == "write") && patch) continue;
    // Whatever else is allowed: only who plans can end planning.
    if (name == "plan_exit" && offer.agent.name != kPlanAgent) continue;
    // The user asked for it: no rule takes it away.
    if (name != kStructuredOutput &&
        permission::is_disabled(tool->permission(), {offer.agent.permission, offer.session_rules})) {
      continue;
    }
    if (name == "skill" && skills_of(offer).empty()) continue;
    if (switches) {
      const wire::Json* on = wire::value_at(*switches, name);
      if (on && on->is_bool() && !on->get_bool()) continue;
    }
    std::string description(tool->description());
    if (name == "task") description = with_subagents(description, offer);
    offered.push_back({std::string(name), std::move(description), {std::string(tool->parameters())}});
  }
  return offered;
}

std::string skill_list(const Offer& offer) {
  const auto skills = skills_of(offer);
  if (skills.empty() || permission::is_disabled("skill", {offer.agent.permission, offer.session_rules})) return {};
  std::string out =
      "Skills provide specialized instructions and workflows for specific tasks.\n"
      "Use the skill tool to load a skill when a task matches its description.\n<available_skills>";
  for (const workspace::Skill* skill : skills) {
    out += fmt::format(
        "\n  <skill>\n    <name>{}</name>\n    <description>{}</description>\n    <location>{}</location>\n  </skill>",
        escaped(skill->name), escaped(skill->description), escaped(skill->location.string()));
  }
  return out + "\n</available_skills>";
}

}  // namespace quarterdeck::session
