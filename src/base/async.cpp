#include "base/async.hpp"

#include <cassert>

#include "base/log.hpp"

namespace quarterdeck {

Task<bool> sleep_ms(Loop& loop, std::int64_t delay_ms, std::stop_token stop) {
  if (stop.stop_requested()) co_return false;
  OneShot<bool> woken(loop);
  auto timer = loop.after_ms(delay_ms, [wake = woken.setter()] { wake(true); });
  std::stop_callback on_stop(stop, [wake = woken.setter()] { wake(false); });
  co_return co_await woken;
}

TaskGroup::~TaskGroup() { assert(running_ == 0 && "a TaskGroup was destroyed before its tasks ended"); }

void TaskGroup::spawn(Task<void> task) {
  ++running_;
  run(std::move(task));
}

detail::Detached TaskGroup::run(Task<void> task) {
  try {
    co_await std::move(task);
  } catch (const std::exception& error) {
    log::error("background task failed: {}", error.what());
  }
  finished();
}

void TaskGroup::finished() {
  if (--running_ > 0) return;
  for (auto& joined : std::exchange(joiners_, {})) joined(Unit{});
}

Task<void> TaskGroup::join() {
  if (running_ == 0) co_return;
  OneShot<Unit> done(loop_);
  joiners_.push_back(done.setter());
  co_await done;
}

}  // namespace quarterdeck
