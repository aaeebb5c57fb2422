// Measures one turn of the loop: how long what runs now keeps everybody else waiting, and how long it waited itself.
// Every handler that Asio calls holds one; nested ones count once. /metrics shows both, the watchdog sees what is stuck.
#pragma once

#include <cstdint>

namespace quarterdeck::net {

class LoopSpan {
 public:
  // `what` has static storage. `posted_ns`: since when this was ready to run (Activity::now_ns), 0 = not known.
  explicit LoopSpan(const char* what, std::int64_t posted_ns = 0);
  ~LoopSpan();
  LoopSpan(const LoopSpan&) = delete;
  LoopSpan& operator=(const LoopSpan&) = delete;

 private:
  std::int64_t started_ns_ = 0;  // 0 = nested, or no loop on this thread
};

}  // namespace quarterdeck::net
