// Server-sent events (WHATWG HTML, section 9.2): the decoder for model streams and our own client, and the frame.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quarterdeck::net {

struct SseEvent {
  std::string id;
  std::string event;  // "" means "message"
  std::string data;   // lines joined by \n
  bool operator==(const SseEvent&) const = default;
};

// Feed it bytes cut anywhere; LF, CR and CRLF line ends, comments and multi-line data are understood.
class SseDecoder {
 public:
  // An event longer than this is dropped, and `overflowed()` says so. Memory stays below it and what one feed brings,
  // when next() is drained after each feed.
  explicit SseDecoder(std::size_t event_bytes_max = 16 * 1024 * 1024) : event_bytes_max_(event_bytes_max) {}
  void feed(std::string_view bytes);
  // The next complete event, or nothing yet.
  std::optional<SseEvent> next();
  bool overflowed() const { return overflowed_; }

 private:
  void take_line(std::string_view line);

  std::size_t event_bytes_max_;
  std::string buffer_;  // from consumed_ on: not decoded yet
  std::size_t consumed_ = 0;
  std::size_t scanned_ = 0;  // no line end before
  SseEvent current_;  // its id lasts until another one comes
  bool has_data_ = false;
  bool first_line_ = true;
  bool skip_line_feed_ = false;
  bool dropping_line_ = false;
  bool dropping_event_ = false;
  bool overflowed_ = false;
};

// "id: <id>\ndata: <json>\n\n"; without the id line when `id` is empty. `json` holds no line break.
std::string sse_frame(std::string_view json, std::string_view id = {});

}  // namespace quarterdeck::net
