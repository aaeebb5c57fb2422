// Who goes next where not everybody can: requests to models (slotted.hpp), sessions that want to begin (admission.hpp).
// Pure: a queue that is told the time.
// Laws: of those who wait, the highest priority goes first, of equals the longest waiting. Waiting lifts: a level every
//       `age_ms`, but past P0 only after `starved_ms`, so that a new P0 has the next free place. A provider that said
//       "later" is asked by nobody until then, and then by one, whose answer speaks for all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/fleet.hpp"

namespace quarterdeck::fleet {

struct SlotLimits {
  static constexpr std::size_t kNone = 1'000'000;
  std::size_t all = 1024;  // at a time
  std::size_t per_project = kNone;
  std::size_t per_provider = kNone;
  std::size_t per_model = kNone;
  std::map<std::string, std::size_t> named;  // instead of these: "project ID", "provider anthropic", "model a/b"
  std::int64_t age_ms = 30'000;
  std::int64_t starved_ms = 600'000;
  bool operator==(const SlotLimits&) const = default;
};

inline const SlotLimits kNoLimits{.all = SlotLimits::kNone, .age_ms = 600'000, .starved_ms = 7'200'000};

// Who wants a slot, and what counts it.
struct SlotClaim {
  SessionId head;  // whose priority counts
  std::string project;
  std::string provider;
  std::string model;  // "provider/model"
  bool under_way = false;  // had its place before a restart
};

class SlotQueue {
 public:
  struct Waiting {
    std::uint64_t ticket = 0;
    SlotClaim claim;
    TimeMs since = 0;
  };
  // Why it does not go: the limit by name ("server", "provider anthropic"…), with how many are there.
  struct Obstacle {
    std::string limit;
    std::size_t most = 0;
    std::optional<TimeMs> until;  // the provider said so
    bool probing = false;  // another one asks whether it may go on
  };
  // What a session's priority is now.
  using PriorityOf = std::function<domain::Priority(const SessionId& head)>;
  // Whether it has to wait whatever is free: its budget is used up.
  using Paused = std::function<bool(const SessionId& head)>;

  SlotQueue(SlotLimits limits, PriorityOf priority_of, Paused paused = {})
      : limits_(std::move(limits)), priority_of_(std::move(priority_of)), paused_(std::move(paused)) {}

  std::uint64_t add(SlotClaim claim, TimeMs since);
  void remove(std::uint64_t ticket);  // gave up
  // Everybody who may go now; they hold their slots from here on.
  std::vector<std::uint64_t> admit(TimeMs now);
  bool has_room(const SlotClaim& claim) const { return !limit_reached(claim); }
  void take(const SlotClaim& claim);  // room or not
  void release(const SlotClaim& claim);

  // The provider said "later".
  void cool_down(const std::string& provider, TimeMs until);
  // It answers again.
  void warm_up(const std::string& provider) { cooling_.erase(provider); }
  // When somebody who waits for a provider may go, at the earliest.
  std::optional<TimeMs> next_change(TimeMs now) const;

  const std::vector<Waiting>& waiting() const { return waiting_; }
  // In the order in which they would go if everybody could.
  std::vector<const Waiting*> in_order(TimeMs now) const;
  std::optional<Obstacle> obstacle(const SlotClaim& claim, TimeMs now) const;
  // How many there are: "provider anthropic" → 3.
  const std::map<std::string, std::size_t>& running() const { return running_; }
  std::size_t running_all() const { return running_all_; }
  struct Cooling {
    TimeMs until = 0;
    bool probed = false;
  };
  const std::map<std::string, Cooling>& cooling() const { return cooling_; }
  const SlotLimits& limits() const { return limits_; }
  void set_limits(SlotLimits limits) { limits_ = std::move(limits); }
  domain::Priority priority(const Waiting& waiting) const { return priority_of_(waiting.claim.head); }

 private:
  int rank(const Waiting& waiting, TimeMs now) const;
  bool may_go(const Waiting& waiting, TimeMs now) const;
  std::optional<Obstacle> limit_reached(const SlotClaim& claim) const;
  std::optional<Obstacle> full(std::string_view kind, const std::string& name, std::size_t usual) const;

  SlotLimits limits_;
  PriorityOf priority_of_;
  Paused paused_;
  std::vector<Waiting> waiting_;
  std::map<std::string, std::size_t> running_;
  std::size_t running_all_ = 0;
  std::map<std::string, Cooling> cooling_;
  std::uint64_t tickets_ = 0;
};

}  // namespace quarterdeck::fleet
