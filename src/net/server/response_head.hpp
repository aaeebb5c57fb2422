// The status line and headers of an answer, as text. What frames the message (Content-Length, Transfer-Encoding,
// Connection, Date) is ours; a handler's own lines for it are dropped. Control characters in values become spaces, so
// that no value can begin a line of its own. RFC 9112.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.hpp"
#include "net/server/request_parser.hpp"

namespace quarterdeck::net {

enum class Framing {
  length,    // Content-Length
  chunked,
  until_close,  // HTTP/1.0 streams
  none,      // 204, 304
};

struct ResponseHead {
  int status = 200;
  const Headers* headers = nullptr;
  Framing framing = Framing::length;
  std::size_t content_length = 0;
  bool keep_alive = true;
  bool http_1_0 = false;
  bool gzip = false;                 // adds Content-Encoding
  bool vary_accept_encoding = false;  // joined to the handler's Vary
};

std::string format_head(const ResponseHead& head);

bool may_have_body(int status);
// {"name":…,"data":{"message":…,"kind":…}}
Response failure_response(const RequestFailure& failure);
// The 500 for what a handler threw; `reference` stands in the log too.
Response unexpected_error_response(std::string_view reference);

}  // namespace quarterdeck::net
