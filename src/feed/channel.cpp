#include "feed/channel.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace quarterdeck::feed {

void Channel::seal() {
  if (open.empty()) return;
  bytes_ += open.size() + kBlockOverheadBytes;
  blocks_.push_back({std::make_shared<const std::string>(std::move(open)), open_seq});
  open = {};
  behind_ = subscribers.size();
  if (behind_ == 0) drop_all();
}

void Channel::drop_oldest() {
  bytes_ -= blocks_.front().bytes->size() + kBlockOverheadBytes;
  blocks_.pop_front();
  ++first_;
}

void Channel::drop_all() {
  first_ = end();
  blocks_.clear();
  bytes_ = 0;
}

void Channel::remove(Subscription& subscription, bool was_behind) {
  std::erase(subscribers, &subscription);
  if (was_behind) caught_up();
}

void Channel::caught_up() {
  ASSERT(behind_ > 0, "only who is behind can catch up");
  if (--behind_ == 0) drop_all();
}

}  // namespace quarterdeck::feed
