#include "feed/channel.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace quarterdeck::feed {

void Channel::seal() {
  if (open.empty()) return;
  bytes_ += open.size() + kBlockOverheadBytes;
  blocks_.push_back({std::make_shared<const std::string>(std::move(open)), open_last});
  open = {};
  behind_ = subscribers.size();
  if (behind_ == 0) trim();
}

void Channel::drop_oldest() {
  bytes_ -= blocks_.front().bytes->size() + kBlockOverheadBytes;
  dropped_ = blocks_.front().last;
  blocks_.pop_front();
  ++first_;
}

void Channel::trim() {
  while (bytes_ > recent_bytes_max_) drop_oldest();
}

void Channel::add(Subscription& subscription, bool is_behind) {
  subscribers.push_back(&subscription);
  if (is_behind) ++behind_;
}

std::optional<Channel::Resumed> Channel::resume(Position seen) const {
  if (seen < dropped_) return std::nullopt;
  Resumed found{.rest = {}, .next = end()};
  const auto holds = std::ranges::find_if(blocks_, [seen](const Block& block) { return block.last > seen; });
  if (holds == blocks_.end()) return found;
  found.next = first_ + static_cast<std::uint64_t>(holds - blocks_.begin()) + 1;
  found.rest = frames_after(*holds->bytes, seen);
  return found;
}

void Channel::remove(Subscription& subscription, bool was_behind) {
  std::erase(subscribers, &subscription);
  if (was_behind) caught_up();
}

void Channel::caught_up() {
  ASSERT(behind_ > 0, "only who is behind can catch up");
  if (--behind_ == 0) trim();
}

}  // namespace quarterdeck::feed
