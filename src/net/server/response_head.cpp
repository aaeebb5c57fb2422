#include "net/server/response_head.hpp"

#include <ctime>

#include <fmt/format.h>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>

namespace quarterdeck::net {
namespace {

using boost::beast::iequals;

bool is_ours(std::string_view name) {
  for (const std::string_view ours : {"content-length", "transfer-encoding", "connection", "keep-alive", "date"}) {
    if (iequals(name, ours)) return true;
  }
  return false;
}

void append_value(std::string& out, std::string_view value) {
  for (const char c : value) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
}

// Formatted once a second.
std::string_view date_line() {
  thread_local std::time_t formatted_at = 0;
  thread_local char line[48];
  thread_local std::size_t length = 0;
  const std::time_t now = std::time(nullptr);
  if (now != formatted_at) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = std::strftime(line, sizeof line, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    formatted_at = now;
  }
  return {line, length};
}

}  // namespace

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string format_head(const ResponseHead& head) {
  std::string out;
  out.reserve(256);
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", head.status,
                 std::string_view(boost::beast::http::obsolete_reason(
                     boost::beast::http::int_to_status(static_cast<unsigned>(head.status)))));
  bool vary = head.vary_accept_encoding;
  for (const Header& header : *head.headers) {
    if (is_ours(header.name)) continue;
    append_value(out, header.name);
    out += ": ";
    append_value(out, header.value);
    if (vary && iequals(header.name, "vary")) {
      out += ", Accept-Encoding";
      vary = false;
    }
    out += "\r\n";
  }
  if (vary) out += "Vary: Accept-Encoding\r\n";
  if (head.gzip) out += "Content-Encoding: gzip\r\n";
  switch (head.framing) {
    case Framing::length: fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", head.content_length); break;
    case Framing::chunked: out += "Transfer-Encoding: chunked\r\n"; break;
    case Framing::until_close:
    case Framing::none: break;
  }
  if (!head.keep_alive) {
    out += "Connection: close\r\n";
  } else if (head.http_1_0) {
    out += "Connection: keep-alive\r\n";
  }
  out += date_line();
  out += "\r\n";
  return out;
}

Response failure_response(const RequestFailure& failure) {
  return {.status = failure.status,
          .headers = {{"Content-Type", "application/json"}},
          .body = fmt::format(R"({{"name":"{}","data":{{"message":"{}","kind":"{}"}}}})", failure.name, failure.message,
                              failure.kind)};
}

Response unexpected_error_response(std::string_view reference) {
  return {.status = 500,
          .headers = {{"Content-Type", "application/json"}},
          .body = fmt::format(R"({{"name":"UnknownError","data":{{"message":"Unexpected server error. Check server )"
                              R"(logs for details.","ref":"{}"}}}})",
                              reference)};
}

}  // namespace quarterdeck::net
