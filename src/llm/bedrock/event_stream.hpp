// Amazon's binary event stream (application/vnd.amazon.eventstream): messages of headers and a payload, each guarded by
// two CRC-32. The reader is fed bytes cut anywhere; the writer serves the scripted model and the tests. No I/O.
//
//   total length u32 | headers length u32 | CRC of these 8 | headers | payload | CRC of all before
//   header: name length u8 | name | type u8 | value (type 7: length u16, text)
//
// Source: AWS, "Event stream encoding" (Amazon Transcribe, Amazon S3 Select); the Smithy specification.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace quarterdeck::llm::bedrock {

struct EventMessage {
  std::map<std::string, std::string, std::less<>> headers;  // those that hold text
  std::string payload;
  bool operator==(const EventMessage&) const = default;
};

class EventStreamReader {
 public:
  static constexpr std::size_t kMessageBytesMax = 16 * 1024 * 1024;

  void feed(std::string_view bytes);
  // The next whole message, or nothing yet. After a problem: nothing more.
  std::optional<EventMessage> next();
  const std::string& problem() const { return problem_; }

 private:
  std::optional<EventMessage> refuse(std::string why);

  std::string buffer_;
  std::size_t consumed_ = 0;
  std::string problem_;
};

std::string event_stream_message(const EventMessage& message);

}  // namespace quarterdeck::llm::bedrock
