// Bytes in, requests out: fed with pieces cut anywhere, no I/O. Strict where leniency lets two parsers disagree
// (request smuggling): bare line feeds, folded lines, two Hosts, Content-Length beside Transfer-Encoding.
// Law: never holds more than the limits plus one read. RFC 9112; the head's syntax is Beast's parser.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace quarterdeck::net {

// Why a request never reaches the handler; becomes the JSON error answer.
struct RequestFailure {
  int status = 400;
  std::string_view name;     // "BadRequest"
  std::string_view kind;     // "Request", "Headers", "Body"
  std::string_view message;  // a literal without characters that JSON escapes
};

class RequestParser {
 public:
  enum class State { head, body, complete, failed };
  struct Limits {
    std::size_t header_bytes_max;
    std::size_t body_bytes_max;
  };

  explicit RequestParser(Limits limits);
  ~RequestParser();

  // Takes all of `bytes`; what follows a complete request is kept for the next one.
  State feed(std::string_view bytes);
  State state() const { return state_; }
  // No byte of a request has come.
  bool idle() const;
  std::size_t buffered_bytes() const { return buffer_.size(); }
  const RequestFailure& failure() const { return failure_; }

  // Of the request at hand, once its head is read.
  bool expects_continue() const;
  bool keep_alive() const;
  bool is_http_1_0() const;

  // The complete request; the parser is ready for the next one (feed({}) to look at what is buffered).
  Request take();

 private:
  class Message;

  void parse_head();
  void parse_body();
  void fail(const RequestFailure& failure);

  Limits limits_;
  State state_ = State::head;
  RequestFailure failure_;
  std::string buffer_;            // not parsed yet
  std::size_t line_start_ = 0;    // of the head's line that is incomplete
  std::size_t scanned_ = 0;
  std::unique_ptr<Message> message_;
};

}  // namespace quarterdeck::net
