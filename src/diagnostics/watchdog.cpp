#include "diagnostics/watchdog.hpp"

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/activity.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "diagnostics/crash_dump.hpp"

namespace quarterdeck::diagnostics {
namespace {

constexpr std::int64_t kIdleTimes = 5;

metrics::Family<metrics::Counter>& stalls() {
  static auto* one =
      new metrics::Family<metrics::Counter>("quarterdeck_stalls_total", "Threads found stuck by the watchdog");
  return *one;
}

void report(const char* thread, const char* what, std::int64_t for_ms) {
  const std::string reason = fmt::format("{} is stuck in \"{}\" for {} ms", thread, what, for_ms);
  log::error("watchdog: {}", reason);
  dump_now("stall", reason);
}

}  // namespace

struct Watchdog::State {
  State(Loop& owner, WatchdogOptions wanted) : loop(owner), options(std::move(wanted)) {}

  // True when something is running.
  bool look() {
    bool busy = false;
    const std::int64_t now = Activity::now_ns();
    for (std::size_t i = 0; i < told.size(); ++i) {
      const Activity::Slot& slot = Activity::slots()[i];
      const char* name = slot.name.load();
      const std::int64_t since = slot.since_ns.load();
      if (told[i] != 0 && told[i] != since) {
        log::warn("watchdog: it goes on");
        told[i] = 0;
      }
      if (name == nullptr || since == 0) continue;
      busy = true;
      const std::int64_t for_ms = (now - since) / 1'000'000;
      if (for_ms < slot.stall_ms.load() || told[i] == since) continue;
      told[i] = since;
      const char* what = slot.what.load();
      stalls().with(metrics::label("thread", name)).add();
      options.on_stall(name, what ? what : "", for_ms);
    }
    return busy;
  }

  void run(const std::shared_ptr<State>& self) {
    std::int64_t next_feed_ms = 0;
    bool busy = true;
    for (;;) {
      std::int64_t wait_ms = options.sample_ms * (busy ? 1 : kIdleTimes);
      if (options.feed_ms > 0) wait_ms = std::min(wait_ms, options.feed_ms);
      {
        std::unique_lock lock(mutex);
        if (wake.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return ending; })) return;
      }
      busy = look();
      const std::int64_t now_ms = Activity::now_ns() / 1'000'000;
      if (options.feed_ms > 0 && now_ms >= next_feed_ms) {
        next_feed_ms = now_ms + options.feed_ms / 2;
        loop.post([weak = std::weak_ptr(self)] {
          if (const auto state = weak.lock()) state->options.feed();
        });
      }
    }
  }

  Loop& loop;
  WatchdogOptions options;
  std::array<std::int64_t, Activity::kSlots> told{};  // the span that was reported, by its beginning
  std::mutex mutex;
  std::condition_variable wake;
  bool ending = false;
  std::thread thread;
};

Watchdog::Watchdog(Loop& loop, WatchdogOptions options) : state_(std::make_shared<State>(loop, std::move(options))) {
  if (!state_->options.on_stall) state_->options.on_stall = report;
  stalls().with(metrics::label("thread", "loop"));  // shown as 0 before the first
  state_->thread = std::thread([state = state_.get(), self = std::weak_ptr(state_)] {
    if (const auto shared = self.lock()) state->run(shared);
  });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->wake.notify_all();
  state_->thread.join();
}

}  // namespace quarterdeck::diagnostics
