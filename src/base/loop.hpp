// The event loop as the rest of the house sees it: post, timers, readable descriptors. Implemented in net/ over Asio
// and in tests by a loop with a fake clock. Everything runs on the loop's one thread unless it says otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace quarterdeck {

class Loop {
 public:
  using Callback = std::move_only_function<void()>;

  // Destroying the handle disarms the timer or the watch; its callback never runs after that.
  class Handle {
   public:
    virtual ~Handle() = default;
  };

  virtual ~Loop() = default;
  // Runs `callback` on the loop soon. The only member that other threads may call.
  virtual void post(Callback callback) = 0;
  virtual std::unique_ptr<Handle> after_ms(std::int64_t delay_ms, Callback callback) = 0;
  // Calls `on_ready` each time `fd` is readable (or hung up) until the handle dies. `fd` stays the caller's.
  virtual std::unique_ptr<Handle> watch_readable(int fd, Callback on_ready) = 0;
};

// Threads for what blocks: SQLite, git, file reads, search, hashing.
class BlockingPool {
 public:
  virtual ~BlockingPool() = default;
  // Runs `work` on a pool thread. Callable from any thread.
  virtual void submit(std::move_only_function<void()> work) = 0;
};

// `threads` workers over one queue; the destructor finishes what was submitted.
std::unique_ptr<BlockingPool> make_blocking_pool(unsigned threads);

}  // namespace quarterdeck
