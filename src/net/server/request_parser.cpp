#include "net/server/request_parser.hpp"

#include <algorithm>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

#include "base/encoding.hpp"
#include "net/server/chunked_body.hpp"

namespace quarterdeck::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;
using boost::system::error_code;

constexpr std::size_t kBodyReserveBytes = 64 * 1024;

// What an idle connection may keep of its buffer.
constexpr std::size_t kIdleBytesMax = 1024;

constexpr RequestFailure kBadRequestLine{400, "BadRequest", "Request", "Malformed request line"};
constexpr RequestFailure kBadTarget{400, "BadRequest", "Request", "Request target must be a path"};
// 400, where RFC 9110 has 505 and 501: what a client got wrong is never our failure, and alarms count 5xx.
constexpr RequestFailure kBadVersion{400, "HttpVersionNotSupported", "Request",
                                     "Only HTTP/1.1 and HTTP/1.0 are spoken here"};
constexpr RequestFailure kBadLineEnd{400, "BadRequest", "Headers", "Header lines must end with CRLF"};
constexpr RequestFailure kFolded{400, "BadRequest", "Headers", "Folded header lines are not allowed"};
constexpr RequestFailure kBadHeader{400, "BadRequest", "Headers", "Malformed header"};
constexpr RequestFailure kHost{400, "BadRequest", "Headers", "Exactly one Host header is required"};
constexpr RequestFailure kBadLength{400, "BadRequest", "Headers", "Invalid or conflicting Content-Length"};
constexpr RequestFailure kBadEncoding{400, "BadRequest", "Headers", "Invalid or conflicting Transfer-Encoding"};
constexpr RequestFailure kEncodingUnknown{400, "NotImplemented", "Headers", "Transfer-Encoding must be chunked"};
constexpr RequestFailure kExpectation{417, "ExpectationFailed", "Headers",
                                      "Only the expectation 100-continue is known"};
constexpr RequestFailure kHeadTooLarge{431, "HeadersTooLarge", "Headers", "The request's headers are too large"};
constexpr RequestFailure kBodyTooLarge{413, "PayloadTooLarge", "Body", "The request's body is too large"};
constexpr RequestFailure kBadChunk{400, "BadRequest", "Body", "Malformed chunked body"};

bool is_token_start(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// The path and query of `target` (origin-form, absolute-form or "*").
bool split_target(Request& request) {
  std::string_view rest = request.target;
  if (rest == "*") {
    request.path = "*";
    return true;
  }
  if (!rest.starts_with('/')) {
    const auto scheme_end = rest.find("://");
    if (scheme_end == std::string_view::npos || scheme_end > rest.find_first_of("/?#")) return false;
    rest.remove_prefix(scheme_end + 3);
    rest.remove_prefix(std::min(rest.find_first_of("/?"), rest.size()));
  }
  rest = rest.substr(0, rest.find('#'));
  const auto question = rest.find('?');
  std::string_view path = rest.substr(0, question);
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  request.path = path.empty() ? "/" : percent_decode(path);

  if (question == std::string_view::npos) return true;
  std::string_view query = rest.substr(question + 1);
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    request.query.emplace_back(percent_decode(pair.substr(0, equals), true), percent_decode(value, true));
  }
  return true;
}

// "GET / HTTP/2.0": well-formed, but not for us.
bool names_a_version(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  if (line.size() < 9) return false;
  const std::string_view end = line.substr(line.size() - 9);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return end.starts_with(" HTTP/") && is_digit(end[6]) && end[6] != '1' && end[7] == '.' && is_digit(end[8]);
}

const RequestFailure& explain(error_code error, std::string_view head) {
  if (error == http::error::header_limit) return kHeadTooLarge;
  if (error == http::error::body_limit) return kBodyTooLarge;
  if (error == http::error::bad_content_length || error == http::error::multiple_content_length) return kBadLength;
  if (error == http::error::bad_transfer_encoding) return kBadEncoding;
  if (error == http::error::bad_version) return names_a_version(head) ? kBadVersion : kBadRequestLine;
  if (error == http::error::bad_method || error == http::error::bad_target) return kBadRequestLine;
  return kBadHeader;
}

}  // namespace

// Fills a Request without an intermediate message. Beast sees the head only.
class RequestParser::Message final : public http::basic_parser<true> {
 public:
  explicit Message(const Limits& limits) : chunks(limits.body_bytes_max) {
    header_limit(static_cast<std::uint32_t>(limits.header_bytes_max + 1));
    body_limit(limits.body_bytes_max);
  }

  Request request;
  int version = 11;
  bool expects_continue = false;
  bool head_done = false;
  const RequestFailure* refused = nullptr;
  std::size_t body_left = 0;  // with Content-Length
  ChunkedBody chunks;

 private:
  void refuse(const RequestFailure& why, error_code& error) {
    refused = &why;
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb, boost::beast::string_view method, boost::beast::string_view target, int protocol,
                       error_code& error) override {
    version = protocol;
    if (version != 10 && version != 11) return refuse(kBadVersion, error);
    request.method = method;

    request.target = target;
    if (!split_target(request)) refuse(kBadTarget, error);
  }

  void on_field_impl(http::field field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code& error) override {
    if (field == http::field::host && ++hosts_ > 1) return refuse(kHost, error);
    if (field == http::field::transfer_encoding) {
      if (version == 10) return refuse(kBadEncoding, error);
      if (!iequals(value, "chunked")) return refuse(kEncodingUnknown, error);
    }
    if (field == http::field::expect) {
      if (!iequals(value, "100-continue")) return refuse(kExpectation, error);
      expects_continue = version == 11;
    }
    request.headers.push_back({std::string(name), std::string(value)});
  }

  void on_header_impl(error_code& error) override {
    head_done = true;
    if (version == 11 && hosts_ != 1) refuse(kHost, error);
  }

  // Never called: the head is all that is put in.
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view body, error_code&) override {
    return body.size();
  }
  void on_finish_impl(error_code&) override {}
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}

  int hosts_ = 0;
};

RequestParser::RequestParser(Limits limits) : limits_(limits) {}
RequestParser::~RequestParser() = default;

bool RequestParser::idle() const { return state_ == State::head && buffer_.empty(); }
bool RequestParser::expects_continue() const { return message_ && message_->expects_continue; }
bool RequestParser::keep_alive() const { return message_ && message_->keep_alive(); }
bool RequestParser::is_http_1_0() const { return message_ && message_->version == 10; }

RequestParser::State RequestParser::feed(std::string_view bytes) {
  if (state_ == State::failed) return state_;
  buffer_.append(bytes);
  if (state_ == State::head) parse_head();
  if (state_ == State::body) parse_body();
  if (buffer_.empty() && buffer_.capacity() > kIdleBytesMax) std::string{}.swap(buffer_);
  return state_;
}

void RequestParser::parse_head() {
  if (scanned_ == 0) {
    // Empty lines between requests are forgiven (RFC 9112, 2.2).
    std::size_t skip = 0;
    while (buffer_.compare(skip, 2, "\r\n") == 0) skip += 2;
    buffer_.erase(0, skip);
    if (buffer_.empty() || buffer_ == "\r") return;
    if (!is_token_start(buffer_[0])) return fail(kBadRequestLine);
  }
  std::size_t head_end = 0;
  while (head_end == 0) {
    const auto line_feed = buffer_.find('\n', scanned_);
    if (line_feed == std::string::npos) {
      scanned_ = buffer_.size();
      if (buffer_.size() > limits_.header_bytes_max) return fail(kHeadTooLarge);
      return;
    }
    scanned_ = line_feed + 1;
    if (scanned_ > limits_.header_bytes_max) return fail(kHeadTooLarge);
    if (line_feed == 0 || buffer_[line_feed - 1] != '\r') return fail(kBadLineEnd);
    if (line_feed - 1 == line_start_) {
      head_end = scanned_;
    } else if (line_start_ > 0 && (buffer_[line_start_] == ' ' || buffer_[line_start_] == '\t')) {
      return fail(kFolded);
    }
    line_start_ = scanned_;
  }

  message_ = std::make_unique<Message>(limits_);
  error_code error;
  std::size_t used = 0;
  while (used < head_end && !error && !message_->head_done) {
    used += message_->put(boost::asio::const_buffer(buffer_.data() + used, head_end - used), error);
  }
  if (message_->refused) return fail(*message_->refused);
  if (error) return fail(explain(error, buffer_));
  buffer_.erase(0, head_end);
  message_->body_left = message_->chunked() ? 0 : static_cast<std::size_t>(message_->content_length().value_or(0));
  message_->request.body.reserve(std::min(message_->body_left, kBodyReserveBytes));
  state_ = message_->chunked() || message_->body_left > 0 ? State::body : State::complete;
}

void RequestParser::parse_body() {
  std::string& body = message_->request.body;
  std::string_view rest = buffer_;
  if (message_->chunked()) {
    switch (message_->chunks.feed(rest, body)) {
      case ChunkedBody::Status::more: break;
      case ChunkedBody::Status::complete: state_ = State::complete; break;
      case ChunkedBody::Status::malformed: return fail(kBadChunk);
      case ChunkedBody::Status::too_large: return fail(kBodyTooLarge);
    }
  } else {
    const std::size_t taken = std::min(message_->body_left, rest.size());
    body.append(rest.substr(0, taken));
    rest.remove_prefix(taken);
    message_->body_left -= taken;
    if (message_->body_left == 0) state_ = State::complete;
  }
  buffer_.erase(0, buffer_.size() - rest.size());
}

void RequestParser::fail(const RequestFailure& failure) {
  failure_ = failure;
  state_ = State::failed;
  std::string{}.swap(buffer_);
}

Request RequestParser::take() {
  Request request = std::move(message_->request);
  message_.reset();
  state_ = State::head;
  line_start_ = scanned_ = 0;
  return request;
}

}  // namespace quarterdeck::net
