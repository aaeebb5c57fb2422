#include "config/permission.hpp"

namespace quarterdeck::config {
namespace {

std::optional<domain::Action> action_of(const wire::Json& json, const wire::Path& at, wire::Problem& problem) {
  if (json.is_string()) {
    const std::string_view word = json.get_string();
    if (word == "allow") return domain::Action::allow;
    if (word == "ask") return domain::Action::ask;
    if (word == "deny") return domain::Action::deny;
  }
  problem.expected(R"("allow" | "ask" | "deny")", json, at);
  return std::nullopt;
}

}  // namespace

void read_permission(const wire::Json& json, const wire::Path& at, wire::Problem& problem, domain::Ruleset& rules) {
  if (!json.is_object()) {
    if (const auto action = action_of(json, at, problem)) rules.push_back({"*", "*", *action});
    return;
  }
  for (const auto& [name, value] : json.get_object()) {
    const wire::Path here{&at, name};
    if (!value.is_object()) {
      const auto action = action_of(value, here, problem);
      if (!action) return;
      rules.push_back({std::string(name), "*", *action});
      continue;
    }
    for (const auto& [pattern, inner] : value.get_object()) {
      const auto action = action_of(inner, wire::Path{&here, pattern}, problem);
      if (!action) return;
      rules.push_back({std::string(name), std::string(pattern), *action});
    }
  }
}

void read_tools(const wire::Json& json, const wire::Path& at, wire::Problem& problem, domain::Ruleset& rules) {
  if (!json.is_object()) return problem.expected("object", json, at);
  for (const auto& [name, value] : json.get_object()) {
    if (!value.is_bool()) return problem.expected("boolean", value, wire::Path{&at, name});
    const std::string_view tool = name;
    // Everything that changes files is one permission.
    const bool edits =
        tool == "write" || tool == "edit" || tool == "patch" || tool == "apply_patch" || tool == "multiedit";
    rules.push_back(
        {std::string(edits ? "edit" : tool), "*", value.get_bool() ? domain::Action::allow : domain::Action::deny});
  }
}

void expand_home(domain::Ruleset& rules, const std::filesystem::path& home) {
  for (auto& rule : rules) {
    for (const std::string_view prefix : {"~", "$HOME"}) {
      if (rule.pattern == prefix || rule.pattern.starts_with(std::string(prefix) + "/")) {
        rule.pattern = home.string() + rule.pattern.substr(prefix.size());
        break;
      }
    }
  }
}

}  // namespace quarterdeck::config
