#include "api/mcp/event_answer.hpp"

#include <fmt/format.h>

#include "net/sse.hpp"

namespace quarterdeck::api::mcp {
namespace {

constexpr std::int64_t kBeatMs = 3'000;

}  // namespace

EventAnswer::EventAnswer(Loop& loop, std::string token) : loop_(loop), token_(std::move(token)) { beat_later(); }

void EventAnswer::beat_later() {
  beat_ = loop_.after_ms(kBeatMs, [this] {
    ++beats_;
    progress_ += net::sse_frame(fmt::format(
        R"({{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{},"progress":{},"message":"{} s"}}}})",
        token_, beats_, beats_ * kBeatMs / 1000));
    beat_later();
    if (state_->wake) std::exchange(state_->wake, {})();
  });
}

net::Stream::Batch EventAnswer::take(std::size_t) {
  Batch batch;
  std::string out = std::exchange(progress_, {});
  if (!state_->answer.empty()) {
    out += net::sse_frame(state_->answer);
    batch.end = true;
    beat_.reset();
  }
  if (!out.empty()) batch.pieces.push_back(std::make_shared<const std::string>(std::move(out)));
  return batch;
}

void EventAnswer::when_ready(Loop::Callback wake) {
  state_->wake = std::move(wake);
  const bool ready = !progress_.empty() || !state_->answer.empty();
  if (ready && state_->wake) std::exchange(state_->wake, {})();
}

net::Response event_response(std::unique_ptr<EventAnswer> events) {
  return {.headers = {{"Content-Type", "text/event-stream"},
                      {"Cache-Control", "no-cache, no-transform"},
                      {"X-Accel-Buffering", "no"}},
          .body = std::move(events)};
}

Task<void> deliver(OneShot<std::string> done, std::shared_ptr<EventAnswer::State> state) {
  state->answer = co_await done;
  if (state->wake) std::exchange(state->wake, {})();
}

}  // namespace quarterdeck::api::mcp
