// Who may ask a model next. Pure: a queue that is told the time.
// Laws: of those who wait, the highest priority goes first, of equals the longest waiting. Waiting lifts: a level every
//       kAgeMs, but past P0 only after kStarvedMs, so that a new P0 has the next free slot. A provider that said "later"
//       is asked by nobody until then.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/fleet.hpp"

namespace quarterdeck::fleet {

struct SlotLimits {
  std::size_t all = 1024;  // requests to models at a time
  std::size_t per_provider = 1024;
};

class SlotQueue {
 public:
  static constexpr std::int64_t kAgeMs = 30'000;
  static constexpr std::int64_t kStarvedMs = 600'000;

  struct Waiting {
    std::uint64_t ticket = 0;
    SessionId head;  // whose priority counts
    std::string provider;
    TimeMs since = 0;
  };
  // What a session's priority is now.
  using PriorityOf = std::function<domain::Priority(const SessionId& head)>;
  // Whether it has to wait whatever is free: its budget is used up.
  using Paused = std::function<bool(const SessionId& head)>;

  SlotQueue(SlotLimits limits, PriorityOf priority_of, Paused paused = {})
      : limits_(limits), priority_of_(std::move(priority_of)), paused_(std::move(paused)) {}

  std::uint64_t add(SessionId head, std::string provider, TimeMs now);
  void remove(std::uint64_t ticket);  // gave up
  // Everybody who may go now; they hold their slots from here on.
  std::vector<std::uint64_t> admit(TimeMs now);
  void release(const std::string& provider);
  void cool_down(const std::string& provider, TimeMs until);
  // When somebody who waits for a provider may go, at the earliest.
  std::optional<TimeMs> next_change(TimeMs now) const;

  const std::vector<Waiting>& waiting() const { return waiting_; }
  const std::map<std::string, std::size_t>& running() const { return running_; }
  const std::map<std::string, TimeMs>& cooling() const { return cooling_; }
  const SlotLimits& limits() const { return limits_; }
  domain::Priority priority(const Waiting& waiting) const { return priority_of_(waiting.head); }

 private:
  int rank(const Waiting& waiting, TimeMs now) const;
  bool may_go(const Waiting& waiting, TimeMs now) const;

  SlotLimits limits_;
  PriorityOf priority_of_;
  Paused paused_;
  std::vector<Waiting> waiting_;
  std::map<std::string, std::size_t> running_;
  std::size_t running_all_ = 0;
  std::map<std::string, TimeMs> cooling_;
  std::uint64_t tickets_ = 0;
};

}  // namespace quarterdeck::fleet
