// Providers whose requests take a slot first (slots.hpp). Put around each protocol by the composition root, before there
// is a fleet: until priorities are known, everybody is P2.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/async.hpp"
#include "fleet/slots.hpp"
#include "llm/provider.hpp"

namespace quarterdeck::fleet {

class Slots {
 public:
  // Whose priority counts for a session: itself, or the one above its parents. Empty for unknown ones.
  using HeadOf = std::function<SessionId(const std::string& session)>;

  Slots(Loop& loop, Clock& clock, SlotLimits limits);

  void know(HeadOf head_of, SlotQueue::PriorityOf priority_of, SlotQueue::Paused paused);
  // Somebody may go who could not.
  void look_again() { admit(); }
  const SlotQueue& queue() const { return queue_; }
  // How it stands with every request that waits, the next one first.
  std::vector<std::pair<SessionId, domain::Waiting>> waiting() const;

  // `provider` and this outlive it.
  std::unique_ptr<llm::Provider> wrap(llm::Provider& provider);

 private:
  class Slotted;
  class FirstSign;
  enum class Taken { no, yes, as_probe };
  Task<Taken> take(SlotClaim claim, std::stop_token stop);
  void release(const SlotClaim& claim);
  void cool_down(const std::string& provider, std::optional<std::int64_t> wait_ms);
  void warm_up(const std::string& provider);
  void admit();

  Loop& loop_;
  Clock& clock_;
  HeadOf head_of_;
  SlotQueue::PriorityOf priority_of_;
  SlotQueue::Paused paused_;
  SlotQueue queue_;
  std::map<std::uint64_t, OneShot<bool>::Setter> waiters_;
  std::map<std::string, int> refusals_;  // of a provider, one after the other
  std::unique_ptr<Loop::Handle> later_;
};

}  // namespace quarterdeck::fleet
