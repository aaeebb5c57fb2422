// Looks, from its own thread, at what the others are at (base/activity.hpp): a span that lasts longer than its limit is
// logged, counted and dumped once, and again said when it ends. With a supervisor that wants to be told (systemd's
// WatchdogSec), the loop itself is asked to say that it lives: a stuck loop stays silent and is restarted.
// Wakes once a second while something runs, every five while nothing does: idle costs nothing that can be measured.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/loop.hpp"

namespace quarterdeck::diagnostics {

struct WatchdogOptions {
  std::int64_t sample_ms = 1'000;
  // How often the supervisor is told; 0 = never.
  std::int64_t feed_ms = 0;
  std::function<void()> feed;  // called on the loop
  // Called on the watchdog's thread when a span is over its limit. Default: log and dump.
  std::function<void(const char* thread, const char* what, std::int64_t for_ms)> on_stall;
};

class Watchdog {
 public:
  // `loop` outlives it. Posts to the loop only when it feeds.
  Watchdog(Loop& loop, WatchdogOptions options);
  ~Watchdog();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace quarterdeck::diagnostics
