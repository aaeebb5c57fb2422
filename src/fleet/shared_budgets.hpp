// Limits that many sessions share, a day at a time (UTC): of the server, of a project, of who hands over. Pure.
// Law: a new day begins at nothing. What was spent belongs to the day on which its step ended.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/fleet.hpp"

namespace quarterdeck::fleet {

struct Usage {
  double cost_usd = 0;
  std::int64_t tokens = 0;
  std::int64_t steps = 0;
  std::int64_t wall_ms = 0;
};

// By "day", "project ID", "principal NAME"; "project *" and "principal *": of each that has no own one.
using SharedLimits = std::map<std::string, domain::Budget>;

// "quarterdeck": {"budgets": {"day": {…}, "project": {"*": {…}}, "principal": {"slack-bot": {…}}}}, of the user's own
// configuration. `problems`: sentences with the field's path.
SharedLimits shared_limits_of(std::string_view ours, std::vector<std::string>& problems);

class SharedBudgets {
 public:
  struct Line {
    std::string key;
    domain::Budget budget;
    Usage used;
  };
  SharedBudgets() = default;
  explicit SharedBudgets(SharedLimits limits) : limits_(std::move(limits)) {}

  bool empty() const { return limits_.empty(); }
  void set(const std::string& key, std::optional<domain::Budget> budget);
  void spend(const std::string& project, const std::string& principal, const Usage& usage, TimeMs when);
  // True when a new day has begun.
  bool turn_to(TimeMs now);
  TimeMs day_ends() const { return day_begins_ + kDayMs; }
  // Why these have to wait, or will soon.
  std::optional<std::string> over(const std::string& project, const std::string& principal) const;
  std::optional<std::string> nearly_over(const std::string& project, const std::string& principal) const;
  // Those with a limit, and what of it is used.
  std::vector<Line> lines() const;
  const SharedLimits& limits() const { return limits_; }

  static constexpr TimeMs kDayMs = 86'400'000;

 private:
  template <class Judge>
  std::optional<std::string> first(const std::string& project, const std::string& principal, Judge judge) const;
  const domain::Budget* limit_of(const std::string& kind, const std::string& name) const;

  SharedLimits limits_;
  std::map<std::string, Usage> used_;
  TimeMs day_begins_ = 0;
};

}  // namespace quarterdeck::fleet
