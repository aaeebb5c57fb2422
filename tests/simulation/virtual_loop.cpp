#include "virtual_loop.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace quarterdeck::simulation {

struct VirtualLoop::Registration final : Handle {
  explicit Registration(std::shared_ptr<Entry> registered) : entry(std::move(registered)) {}
  ~Registration() override {
    entry->armed = false;
    entry->callback = nullptr;
  }
  std::shared_ptr<Entry> entry;
};

void VirtualLoop::make_ready(std::shared_ptr<Entry> entry) { ready_.push_back(std::move(entry)); }

void VirtualLoop::post(Callback callback) {
  make_ready(std::make_shared<Entry>(Entry{.callback = std::move(callback), .source = running_source_}));
}

std::unique_ptr<Loop::Handle> VirtualLoop::after_ms(std::int64_t delay_ms, Callback callback) {
  auto entry = std::make_shared<Entry>(Entry{.callback = std::move(callback)});
  timers_.emplace(std::pair(now_ms_ + std::max<std::int64_t>(delay_ms, 0), dice_.next()), entry);
  return std::make_unique<Registration>(std::move(entry));
}

std::unique_ptr<Loop::Handle> VirtualLoop::watch_readable(int, Callback) {
  ASSERT(false, "the simulated world has no descriptors");
  return nullptr;
}

void VirtualLoop::run_at(std::int64_t at_ms, std::uint64_t source, Callback work) {
  // The posts of the work belong to its thread, those of the loop to nobody.
  auto in_thread = [this, source, work = std::move(work)]() mutable {
    running_source_ = source;
    work();
    running_source_ = 0;
  };
  timers_.emplace(std::pair(std::max(at_ms, now_ms_), dice_.next()),
                  std::make_shared<Entry>(Entry{.callback = std::move(in_thread), .source = source}));
}

bool VirtualLoop::run_one() {
  if (ready_.empty()) return false;
  std::size_t chosen = 0;
  if (order_ == Order::shuffled) {
    chosen = static_cast<std::size_t>(dice_.next() % ready_.size());
    if (const std::uint64_t source = ready_[chosen]->source; source != 0) {
      chosen = 0;
      while (ready_[chosen]->source != source) ++chosen;
    }
  }
  const std::shared_ptr<Entry> entry = std::move(ready_[chosen]);
  ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(chosen));
  if (entry->armed) {
    Callback callback = std::move(entry->callback);
    callback();
  }
  return true;
}

std::optional<std::int64_t> VirtualLoop::next_due() const {
  for (const auto& [due, entry] : timers_) {
    if (entry->armed) return due.first;
  }
  return std::nullopt;
}

void VirtualLoop::advance_to(std::int64_t now_ms) {
  now_ms_ = std::max(now_ms_, now_ms);
  while (!timers_.empty() && timers_.begin()->first.first <= now_ms_) {
    if (timers_.begin()->second->armed) make_ready(std::move(timers_.begin()->second));
    timers_.erase(timers_.begin());
  }
}

void VirtualPool::submit(std::move_only_function<void()> work) {
  std::int64_t due = loop_.now_ms() + dice_.delay_ms(delay_ms_max_);
  std::uint64_t source = loop_.new_source();
  if (jobs_ == Jobs::serial) {
    due = std::max(due, last_due_ + 1);
    last_due_ = due;
    source = source_;
  }
  loop_.run_at(due, source, std::move(work));
}

}  // namespace quarterdeck::simulation
