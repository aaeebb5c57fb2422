#include "fleet/shared_budgets.hpp"

#include <fmt/format.h>

#include "fleet/budget.hpp"
#include "wire/describe/fleet.hpp"
#include "wire/fleet.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr std::size_t kNamesMax = 1'000;

void add(Usage& sum, const Usage& more) {
  sum.cost_usd += more.cost_usd;
  sum.tokens += more.tokens;
  sum.steps += more.steps;
}

std::string words_for(const std::string& key) {
  if (key == "day") return "This server";
  return fmt::format("The {}", key);
}

void read_budget(const wire::Json& given, const std::string& key, const std::string& at, SharedLimits& out,
                 std::vector<std::string>& problems) {
  auto budget = wire::decode_budget(wire::to_text(given));
  if (!budget) {
    std::string text = budget.error().message;
    for (std::size_t end; (end = text.find("\n ")) != text.npos;) text.erase(end, 2);
    problems.push_back(fmt::format("{} of [\"quarterdeck\"][\"budgets\"]{}", text, at));
  } else if (budget->wall_ms) {
    problems.push_back(fmt::format("Expected no wall_ms at [\"quarterdeck\"][\"budgets\"]{}: sessions have that", at));
  } else {
    out[key] = *budget;
  }
}

}  // namespace

SharedLimits shared_limits_of(std::string_view ours, std::vector<std::string>& problems) {
  SharedLimits out;
  const auto parsed = wire::parse(ours);
  const wire::Json* given = parsed ? wire::value_at(*parsed, "budgets") : nullptr;
  if (!given) return out;
  if (!given->is_object()) {
    problems.push_back("Expected an object at [\"quarterdeck\"][\"budgets\"]");
    return out;
  }
  for (const auto& member : given->get_object()) {
    const std::string kind(member.key());
    const std::string at = fmt::format("[\"{}\"]", kind);
    if (kind == "day") {
      read_budget(member.value(), "day", at, out, problems);
    } else if ((kind == "project" || kind == "principal") && member.value().is_object()) {
      for (const auto& each : member.value().get_object()) {
        const std::string name(each.key());
        if (out.size() >= kNamesMax) break;
        read_budget(each.value(), kind + ' ' + name, at + fmt::format("[\"{}\"]", name), out, problems);
      }
    } else {
      problems.push_back(fmt::format(
          "Expected \"day\" | \"project\" | \"principal\", the latter by name, at [\"quarterdeck\"][\"budgets\"]{}",
          at));
    }
  }
  return out;
}

void SharedBudgets::set(const std::string& key, std::optional<Budget> budget) {
  if (budget) {
    limits_[key] = *budget;
  } else {
    limits_.erase(key);
  }
}

void SharedBudgets::spend(const std::string& project, const std::string& principal, const Usage& usage, TimeMs when) {
  if (when < day_begins_) return;
  add(used_["day"], usage);
  add(used_["project " + project], usage);
  if (!principal.empty()) add(used_["principal " + principal], usage);
}

bool SharedBudgets::turn_to(TimeMs now) {
  const TimeMs begins = now - now % kDayMs;
  if (begins == day_begins_) return false;
  day_begins_ = begins;
  used_.clear();
  return true;
}

const Budget* SharedBudgets::limit_of(const std::string& kind, const std::string& name) const {
  auto found = limits_.find(kind + ' ' + name);
  if (found == limits_.end()) found = limits_.find(kind + " *");
  return found == limits_.end() ? nullptr : &found->second;
}

template <class Judge>
std::optional<std::string> SharedBudgets::first(const std::string& project, const std::string& principal,
                                                Judge judge) const {
  const auto look = [&](const std::string& key, const Budget* budget) -> std::optional<std::string> {
    if (!budget) return std::nullopt;
    const auto used = used_.find(key);
    auto why = judge(*budget, used == used_.end() ? Usage() : used->second);
    if (!why) return std::nullopt;
    return fmt::format("{} today: {}", words_for(key), *why);
  };
  const auto day = limits_.find("day");
  if (auto why = look("day", day == limits_.end() ? nullptr : &day->second)) return why;
  if (auto why = look("project " + project, limit_of("project", project))) return why;
  if (principal.empty()) return std::nullopt;
  return look("principal " + principal, limit_of("principal", principal));
}

std::optional<std::string> SharedBudgets::over(const std::string& project, const std::string& principal) const {
  return first(project, principal, [](const Budget& b, const Usage& u) { return fleet::over(b, u); });
}

std::optional<std::string> SharedBudgets::nearly_over(const std::string& project, const std::string& principal) const {
  return first(project, principal, [](const Budget& b, const Usage& u) { return fleet::nearly_over(b, u); });
}

std::vector<SharedBudgets::Line> SharedBudgets::lines() const {
  std::vector<Line> out;
  const auto used = [this](const std::string& key) {
    const auto found = used_.find(key);
    return found == used_.end() ? Usage() : found->second;
  };
  for (const auto& [key, budget] : limits_) out.push_back({key, budget, used(key)});
  // Those that a "*" is for.
  for (const auto& [key, usage] : used_) {
    const auto space = key.find(' ');
    if (space == key.npos || limits_.contains(key)) continue;
    if (const Budget* each = limit_of(key.substr(0, space), key.substr(space + 1))) out.push_back({key, *each, usage});
  }
  return out;
}

}  // namespace quarterdeck::fleet
