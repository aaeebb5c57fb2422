// What a thread is doing, and since when: the loop's callbacks, the jobs of pool threads, the store's transactions.
// The watchdog reads it to find what is stuck; a dump after a fault shows it. One object a thread, in static memory that
// a signal handler may read. Beginning and ending a span costs one clock reading each.
#pragma once

#include <atomic>
#include <cstdint>

namespace quarterdeck {

class Activity {
 public:
  // `name` and what spans are called have static storage. A span longer than `stall_ms` is a stall.
  Activity(const char* name, std::int64_t stall_ms);
  ~Activity();
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

  // Called on the thread itself.
  void begin(const char* what, std::int64_t now_ns);
  void end();
  void bind_to_this_thread();

  class Span {
   public:
    Span(Activity& activity, const char* what) : activity_(activity) { activity_.begin(what, now_ns()); }
    ~Span() { activity_.end(); }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    Activity& activity_;
  };

  // What others see. Plain data behind atomics: safe in signal handlers.
  struct Slot {
    std::atomic<const char*> name{nullptr};  // null = free
    std::atomic<const char*> what{nullptr};
    std::atomic<std::int64_t> since_ns{0};  // 0 = idle
    std::atomic<std::int64_t> stall_ms{0};
    std::atomic<int> thread{0};
  };
  static constexpr int kSlots = 64;
  static Slot* slots();
  // Monotonic.
  static std::int64_t now_ns();

 private:
  Slot* slot_;
};

}  // namespace quarterdeck
