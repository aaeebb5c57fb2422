#include "fleet/slots.hpp"

#include <algorithm>
#include <tuple>

namespace quarterdeck::fleet {

std::uint64_t SlotQueue::add(SessionId head, std::string provider, TimeMs now) {
  waiting_.push_back({++tickets_, std::move(head), std::move(provider), now});
  return tickets_;
}

void SlotQueue::remove(std::uint64_t ticket) {
  std::erase_if(waiting_, [ticket](const Waiting& each) { return each.ticket == ticket; });
}

int SlotQueue::rank(const Waiting& waiting, TimeMs now) const {
  const int priority = static_cast<int>(priority_of_(waiting.head));
  const std::int64_t waited = std::max<std::int64_t>(now - waiting.since, 0);
  if (waited >= kStarvedMs || priority == 0) return 0;
  return std::max(1, priority - static_cast<int>(waited / kAgeMs));
}

bool SlotQueue::may_go(const Waiting& waiting, TimeMs now) const {
  if (paused_ && paused_(waiting.head)) return false;
  const auto cooling = cooling_.find(waiting.provider);
  if (cooling != cooling_.end() && cooling->second > now) return false;
  const auto running = running_.find(waiting.provider);
  return running == running_.end() || running->second < limits_.per_provider;
}

std::vector<std::uint64_t> SlotQueue::admit(TimeMs now) {
  std::vector<std::uint64_t> admitted;
  while (running_all_ < limits_.all) {
    const Waiting* best = nullptr;
    std::tuple<int, TimeMs, std::uint64_t> best_key;
    for (const Waiting& each : waiting_) {
      if (!may_go(each, now)) continue;
      const std::tuple key{rank(each, now), each.since, each.ticket};
      if (!best || key < best_key) {
        best = &each;
        best_key = key;
      }
    }
    if (!best) break;
    ++running_[best->provider];
    ++running_all_;
    admitted.push_back(best->ticket);
    remove(std::uint64_t(best->ticket));
  }
  return admitted;
}

void SlotQueue::release(const std::string& provider) {
  const auto found = running_.find(provider);
  if (found == running_.end()) return;
  if (--found->second == 0) running_.erase(found);
  --running_all_;
}

void SlotQueue::cool_down(const std::string& provider, TimeMs until) {
  TimeMs& known = cooling_[provider];
  known = std::max(known, until);
}

std::optional<TimeMs> SlotQueue::next_change(TimeMs now) const {
  std::optional<TimeMs> first;
  for (const Waiting& each : waiting_) {
    const auto cooling = cooling_.find(each.provider);
    if (cooling == cooling_.end() || cooling->second <= now) continue;
    first = std::min(first.value_or(cooling->second), cooling->second);
  }
  return first;
}

}  // namespace quarterdeck::fleet
