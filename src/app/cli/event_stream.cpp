#include "app/cli/event_stream.hpp"

#include <algorithm>

#include "base/async.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::int64_t kFirstPauseMs = 100;
constexpr std::int64_t kPauseMsMax = 2'000;
constexpr std::size_t kRefusalBytesMax = 64 * 1024;

}  // namespace

Task<Result<void>> EventStream::follow(std::stop_token stop) {
  std::int64_t away_ms = 0;
  std::int64_t pause_ms = kFirstPauseMs;
  for (;;) {
    connected_ = is_stream_ = false;
    status_ = 0;
    refusal_.clear();
    decoder_ = net::SseDecoder();
    net::ClientRequest request = client_.event_request(last_id_);
    auto ended = co_await http_.fetch(std::move(request), *this, stop);
    if (stop.stop_requested()) co_return Result<void>{};
    if (status_ != 0 && !is_stream_) {
      // A proxy in front of a server that restarts says 502 or 503.
      const bool passing = ever_connected_ && (status_ == 502 || status_ == 503 || status_ == 504);
      if (!passing) {
        if (status_ < 300)
          co_return fail(ErrorCode::internal, "{} has no event stream; is it a Quarterdeck or OpenCode server?",
                         client_.target().url);
        co_return std::unexpected(error_of_answer(status_, refusal_));
      }
    }
    Error why = ended ? Error{ErrorCode::unavailable, "the server ended the event stream", {}} : ended.error();
    if (!ever_connected_) co_return std::unexpected(std::move(why));
    if (connected_) {
      away_ms = 0;
      pause_ms = kFirstPauseMs;
      listener_.on_lost(why);
    }
    if (away_ms >= kGoneMs) co_return fail(ErrorCode::unavailable, "the server is gone: {}", why.message);
    if (!co_await sleep_ms(loop_, pause_ms, stop)) co_return Result<void>{};
    away_ms += pause_ms;
    pause_ms = std::min(pause_ms * 2, kPauseMsMax);
  }
}

void EventStream::on_head(int status, const net::Headers& headers) {
  status_ = status;
  const std::string* type = net::find_header(headers, "content-type");
  is_stream_ = status == 200 && type != nullptr && type->starts_with("text/event-stream");
  if (!is_stream_) return;
  connected_ = true;
  const bool first = !std::exchange(ever_connected_, true);
  listener_.on_connected(first ? Connection::first : Connection::again);
}

bool EventStream::on_body(std::string_view bytes) {
  if (!is_stream_) {
    refusal_.append(bytes.substr(0, kRefusalBytesMax - std::min(refusal_.size(), kRefusalBytesMax)));
    return refusal_.size() < kRefusalBytesMax;
  }
  decoder_.feed(bytes);
  while (auto event = decoder_.next()) {
    if (!event->id.empty()) last_id_ = event->id;
    if (!event->data.empty()) listener_.on_event(event->data);
  }
  return true;
}

}  // namespace quarterdeck::app
