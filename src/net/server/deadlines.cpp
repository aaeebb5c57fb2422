#include "net/server/deadlines.hpp"

#include <chrono>

namespace quarterdeck::net {

std::int64_t Deadlines::now_ms() {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_start).count();
}

void Deadlines::set(Entry& entry, std::int64_t due_ms) {
  entry.due_ms_ = due_ms;
  if (entry.queued_ && entry.place_->first <= due_ms) return;
  if (entry.queued_) {
    auto node = queue_.extract(entry.place_);
    node.key() = due_ms;
    entry.place_ = queue_.insert(std::move(node));
  } else {
    entry.place_ = queue_.emplace(due_ms, &entry);
    entry.queued_ = true;
  }
  arm();
}

void Deadlines::remove(Entry& entry) {
  if (!entry.queued_) return;
  queue_.erase(entry.place_);
  entry.queued_ = false;
  // A timer with nothing to wait for would keep waking the process.
  if (queue_.empty()) {
    timer_.reset();
    timer_due_ms_ = kNever;
  }
}

void Deadlines::arm() {
  if (queue_.empty() || queue_.begin()->first >= timer_due_ms_) return;
  timer_due_ms_ = queue_.begin()->first;
  timer_ = loop_.after_ms(timer_due_ms_ - now_ms() + 1, [this] { expire(); });
}

void Deadlines::expire() {
  timer_due_ms_ = kNever;
  const std::int64_t now = now_ms();
  while (!queue_.empty() && queue_.begin()->first <= now) {
    auto node = queue_.extract(queue_.begin());
    Entry& entry = *node.mapped();
    entry.queued_ = false;
    if (entry.due_ms_ == kNever) continue;
    if (entry.due_ms_ > now) {
      node.key() = entry.due_ms_;
      entry.place_ = queue_.insert(std::move(node));
      entry.queued_ = true;
      continue;
    }
    entry.due_ms_ = kNever;
    entry.on_deadline_();
  }
  arm();
}

}  // namespace quarterdeck::net
