#include "net/asio/loop_span.hpp"

#include "base/metrics.hpp"
#include "net/asio/loop_watch.hpp"

namespace quarterdeck::net {
namespace {

thread_local LoopWatch* current = nullptr;

metrics::Family<metrics::Histogram> turns("quarterdeck_loop_turn_seconds", "Time that one callback kept the loop busy");
metrics::Family<metrics::Histogram> latency("quarterdeck_loop_latency_seconds",
                                            "Time from when a callback was posted until it ran");

// Longer than anything that the loop does by itself; a client has noticed long before.
constexpr std::int64_t kStallMs = 2'000;

}  // namespace

LoopWatch::LoopWatch() : activity_("loop", kStallMs), turns_(turns.with()), latency_(latency.with()) { current = this; }
LoopWatch::~LoopWatch() { current = nullptr; }

LoopSpan::LoopSpan(const char* what, std::int64_t posted_ns) {
  if (!current || current->running_) return;
  current->running_ = true;
  started_ns_ = Activity::now_ns();
  current->activity_.begin(what, started_ns_);
  if (posted_ns > 0) current->latency_.observe_ns(started_ns_ - posted_ns);
}

LoopSpan::~LoopSpan() {
  if (started_ns_ == 0) return;
  current->activity_.end();
  current->running_ = false;
  current->turns_.observe_ns(Activity::now_ns() - started_ns_);
}

}  // namespace quarterdeck::net
