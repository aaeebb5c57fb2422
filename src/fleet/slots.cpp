#include "fleet/slots.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace quarterdeck::fleet {
namespace {

std::string named(std::string_view kind, const std::string& name) { return std::string(kind) + ' ' + name; }

// What a claim is counted by.
template <class Each>
void for_each_count(const SlotClaim& claim, Each each) {
  if (!claim.project.empty()) each("project", claim.project);
  if (!claim.provider.empty()) each("provider", claim.provider);
  if (!claim.model.empty()) each("model", claim.model);
}

}  // namespace

std::uint64_t SlotQueue::add(SlotClaim claim, TimeMs since) {
  waiting_.push_back({++tickets_, std::move(claim), since});
  return tickets_;
}

void SlotQueue::remove(std::uint64_t ticket) {
  std::erase_if(waiting_, [ticket](const Waiting& each) { return each.ticket == ticket; });
}

int SlotQueue::rank(const Waiting& waiting, TimeMs now) const {
  if (waiting.claim.under_way) return -1;
  const int priority = static_cast<int>(priority_of_(waiting.claim.head));
  const std::int64_t waited = std::max<std::int64_t>(now - waiting.since, 0);
  if (waited >= limits_.starved_ms || priority == 0) return 0;
  return std::max(1, priority - static_cast<int>(waited / limits_.age_ms));
}

std::optional<SlotQueue::Obstacle> SlotQueue::full(std::string_view kind, const std::string& name,
                                                   std::size_t usual) const {
  const std::string key = named(kind, name);
  const auto own = limits_.named.find(key);
  const std::size_t most = own == limits_.named.end() ? usual : own->second;
  const auto running = running_.find(key);
  if (running == running_.end() ? most > 0 : running->second < most) return std::nullopt;
  return Obstacle{.limit = key, .most = most};
}

std::optional<SlotQueue::Obstacle> SlotQueue::limit_reached(const SlotClaim& claim) const {
  if (running_all_ >= limits_.all) return Obstacle{.limit = "server", .most = limits_.all};
  std::optional<Obstacle> found;
  for_each_count(claim, [&](std::string_view kind, const std::string& name) {
    if (found) return;
    found = full(kind, name,
                 kind == "project"    ? limits_.per_project
                 : kind == "provider" ? limits_.per_provider
                                      : limits_.per_model);
  });
  return found;
}

std::optional<SlotQueue::Obstacle> SlotQueue::obstacle(const SlotClaim& claim, TimeMs now) const {
  const auto cooling = cooling_.find(claim.provider);
  if (cooling != cooling_.end() && (cooling->second.until > now || cooling->second.probed)) {
    Obstacle later{.limit = named("provider", claim.provider), .probing = cooling->second.probed};
    if (cooling->second.until > now) later.until = cooling->second.until;
    return later;
  }
  return limit_reached(claim);
}

bool SlotQueue::may_go(const Waiting& waiting, TimeMs now) const {
  if (paused_ && paused_(waiting.claim.head)) return false;
  return !obstacle(waiting.claim, now);
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
    const Waiting chosen = *best;
    take(chosen.claim);
    admitted.push_back(chosen.ticket);
    remove(chosen.ticket);
    if (const auto cooling = cooling_.find(chosen.claim.provider); cooling != cooling_.end()) {
      cooling->second.probed = true;
    }
  }
  return admitted;
}

void SlotQueue::take(const SlotClaim& claim) {
  for_each_count(claim, [this](std::string_view kind, const std::string& name) { ++running_[named(kind, name)]; });
  ++running_all_;
}

void SlotQueue::release(const SlotClaim& claim) {
  for_each_count(claim, [this](std::string_view kind, const std::string& name) {
    const auto found = running_.find(named(kind, name));
    if (found != running_.end() && --found->second == 0) running_.erase(found);
  });
  if (running_all_ > 0) --running_all_;
}

void SlotQueue::cool_down(const std::string& provider, TimeMs until) {
  Cooling& known = cooling_[provider];
  known.until = std::max(known.until, until);
  known.probed = false;
}

std::optional<TimeMs> SlotQueue::next_change(TimeMs now) const {
  std::optional<TimeMs> first;
  for (const Waiting& each : waiting_) {
    const auto cooling = cooling_.find(each.claim.provider);
    if (cooling == cooling_.end() || cooling->second.until <= now) continue;
    first = std::min(first.value_or(cooling->second.until), cooling->second.until);
  }
  return first;
}

std::vector<const SlotQueue::Waiting*> SlotQueue::in_order(TimeMs now) const {
  std::vector<std::pair<std::tuple<int, TimeMs, std::uint64_t>, const Waiting*>> keyed;
  keyed.reserve(waiting_.size());
  for (const Waiting& each : waiting_) keyed.push_back({{rank(each, now), each.since, each.ticket}, &each});
  std::ranges::sort(keyed);
  std::vector<const Waiting*> out;
  out.reserve(keyed.size());
  for (const auto& [key, each] : keyed) out.push_back(each);
  return out;
}

}  // namespace quarterdeck::fleet
