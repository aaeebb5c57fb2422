// What LoopSpans of one running loop write to. Lives on the thread that runs the loop, as long as it runs.
#pragma once

#include "base/activity.hpp"
#include "base/metrics.hpp"

namespace quarterdeck::net {

class LoopWatch {
 public:
  LoopWatch();
  ~LoopWatch();
  LoopWatch(const LoopWatch&) = delete;
  LoopWatch& operator=(const LoopWatch&) = delete;

 private:
  friend class LoopSpan;
  Activity activity_;
  metrics::Histogram& turns_;
  metrics::Histogram& latency_;
  bool running_ = false;
};

}  // namespace quarterdeck::net
