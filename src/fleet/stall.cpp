#include "fleet/stall.hpp"

#include <algorithm>

namespace quarterdeck::fleet {

using namespace domain;

namespace {

bool speaks_of_limits(std::string_view message) {
  for (const char* sign : {"429", "rate limit", "Rate limit", "rate_limit", "Too Many Requests", "too many requests",
                           "quota", "Throttling"}) {
    if (message.contains(sign)) return true;
  }
  return false;
}

std::string seconds(std::int64_t ms) { return fmt::format("{} s", ms / 1'000); }

}  // namespace

std::optional<Stall> stalled(const Signs& signs, const StallPolicy& policy, TimeMs now) {
  if (signs.waits_for_answer || signs.waits_for_slot) return std::nullopt;
  const std::int64_t silent = now - signs.last_event;
  if (!signs.runs) {
    if (silent < policy.dead_worker_ms) return std::nullopt;
    return Stall{"dead_worker", "Its turn is open, but nothing works on it", signs.session.value};
  }
  const Stall silence{"model_silent",
                      fmt::format("The model has said nothing for more than {}", seconds(policy.model_silent_ms)),
                      signs.session.value};
  // That the engine asks it again is no progress: else nobody would be told of a model that stays silent.
  if (signs.still_silent && signs.tools.empty()) return silence;
  if (signs.status.type == Status::Type::retry) {
    const bool limit = speaks_of_limits(signs.status.message);
    const bool long_wait = signs.status.next - now > policy.rate_limit_ms;
    const bool many = signs.status.attempt >= policy.retries_max;
    if (limit && (long_wait || many)) {
      return Stall{"rate_limit", fmt::format("The provider limits requests: {}", signs.status.message),
                   signs.session.value};
    }
    if (many || long_wait) {
      return Stall{"provider_failing", fmt::format("The provider fails again and again: {}", signs.status.message),
                   signs.session.value};
    }
    return std::nullopt;
  }
  if (signs.tools.empty()) {
    if (silent < policy.model_silent_ms) return std::nullopt;
    return silence;
  }
  const Signs::Tool* quiet = nullptr;
  for (const Signs::Tool& tool : signs.tools) {
    const bool at_work = tool.sleeps || tool.child_works || now - tool.last_sign < policy.tool_hung_ms;
    if (at_work) return std::nullopt;
    if (!quiet || tool.last_sign < quiet->last_sign) quiet = &tool;
  }
  return Stall{"tool_hung",
               fmt::format("{} has used no CPU, moved no bytes and said nothing for more than {}", quiet->name,
                           seconds(policy.tool_hung_ms)),
               quiet->id};
}

}  // namespace quarterdeck::fleet
