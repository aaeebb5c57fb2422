// Time as the engine sees it. A constructor argument everywhere, so that tests and simulation own it.
#pragma once

#include <cstdint>

namespace quarterdeck {

// Milliseconds since the Unix epoch, as every time on the wire and in the store.
using TimeMs = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeMs now_ms() = 0;
  // Never goes back; for durations. Nanoseconds from an arbitrary start.
  virtual std::int64_t monotonic_ns() = 0;
};

Clock& system_clock();

// Stands still until told.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(TimeMs start_ms = 1'700'000'000'000) : now_ms_(start_ms) {}
  TimeMs now_ms() override { return now_ms_; }
  std::int64_t monotonic_ns() override { return now_ms_ * 1'000'000; }
  void advance_ms(TimeMs by) { now_ms_ += by; }

 private:
  TimeMs now_ms_;
};

}  // namespace quarterdeck
