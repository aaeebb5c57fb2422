// One timer for many deadlines that are usually moved before they pass (idle connections, slow requests).
// Law: an entry costs nothing while its deadline only moves into the future: it stays queued where it is and is looked
// at again when that time comes. All on the loop; an entry leaves the queue when it dies.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "base/loop.hpp"

namespace quarterdeck::net {

class Deadlines {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  class Entry {
   public:
    Entry(Deadlines& deadlines, Loop::Callback on_deadline)
        : deadlines_(deadlines), on_deadline_(std::move(on_deadline)) {}
    ~Entry() { deadlines_.remove(*this); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    // On the clock of now_ms(); replaces the deadline before. The callback runs once for each that passes.
    void set(std::int64_t due_ms) { deadlines_.set(*this, due_ms); }
    void clear() { due_ms_ = kNever; }

   private:
    friend Deadlines;
    Deadlines& deadlines_;
    Loop::Callback on_deadline_;
    std::int64_t due_ms_ = kNever;
    bool queued_ = false;
    std::multimap<std::int64_t, Entry*>::iterator place_;
  };

  explicit Deadlines(Loop& loop) : loop_(loop) {}
  // Monotonic milliseconds.
  static std::int64_t now_ms();

 private:
  void set(Entry& entry, std::int64_t due_ms);
  void remove(Entry& entry);
  void arm();
  void expire();

  Loop& loop_;
  std::multimap<std::int64_t, Entry*> queue_;
  std::unique_ptr<Loop::Handle> timer_;
  std::int64_t timer_due_ms_ = kNever;
};

}  // namespace quarterdeck::net
