#include "net/client/transfer.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace quarterdeck::net {
namespace {

constexpr std::size_t kHeaderBytesMax = 256 * 1024;
constexpr std::string_view kUserAgent = "quarterdeck/" QD_VERSION;

std::int64_t now_ms() {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_start).count();
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool holds_control(std::string_view text) {
  return std::ranges::any_of(text,
                             [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

bool is_token(std::string_view text) {
  return !text.empty() && !holds_control(text) &&
         text.find_first_of(" \t:()<>@,;\\\"/[]?={}") == std::string_view::npos;
}

// "host:port" of an http or https URL.
Result<std::string> host_of(const std::string& url) {
  const auto invalid = [](std::string_view why) { return fail(ErrorCode::invalid, "malformed URL: {}", why); };
  if (holds_control(url)) return invalid("it holds control characters");
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl().url(), curl().url_cleanup);
  if (const CURLUcode code = curl().url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME)) {
    return invalid(curl().url_strerror(code));
  }
  const auto get = [&](CURLUPart part) {
    char* text = nullptr;
    std::string copy;
    if (curl().url_get(parsed.get(), part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK) copy = text;
    curl().free(text);
    return copy;
  };
  const std::string scheme = get(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return invalid("only http and https are allowed");
  return get(CURLUPART_HOST) + ":" + get(CURLUPART_PORT);
}

}  // namespace

Transfer::Transfer(Loop& loop, ClientRequest request, ResponseSink& sink)
    : loop_(loop), request_(std::move(request)), sink_(&sink), easy_(curl().easy_init()), done_(loop) {
  if (!easy_) throw std::bad_alloc();
}

Result<void> Transfer::prepare() {
  TRY(host_, host_of(request_.url));
  if (!is_token(request_.method)) return fail(ErrorCode::invalid, "malformed method");
  if (!find_header(request_.headers, "user-agent")) request_.headers.push_back({"User-Agent", std::string(kUserAgent)});
  // Curl would wait for "100 Continue" before a larger body; no server we talk to needs that.
  if (!find_header(request_.headers, "expect")) request_.headers.push_back({"Expect", ""});
  const bool has_body =
      !request_.body.empty() || request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH";
  if (has_body && !find_header(request_.headers, "content-type")) request_.headers.push_back({"Content-Type", ""});
  for (const Header& header : request_.headers) {
    if (!is_token(header.name) || holds_control(header.value)) {
      return fail(ErrorCode::invalid, "malformed header {}", header.name);
    }
    const bool removes = header.value.empty() && (header.name == "Expect" || header.name == "Content-Type");
    const std::string line =
        header.value.empty() ? header.name + (removes ? ":" : ";") : header.name + ": " + header.value;
    curl_slist* longer = curl().slist_append(header_list_.get(), line.c_str());
    if (!longer) throw std::bad_alloc();
    header_list_.release();
    header_list_.reset(longer);
  }

  CURL* easy = easy_.get();
  curl().easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl().easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl().easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl().easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  curl().easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // A cancelled transfer must not wait for the resolver's thread.
  curl().easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl().easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl().easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl().easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_error_);
  curl().easy_setopt(easy, CURLOPT_HTTPHEADER, header_list_.get());
  curl().easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl().easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl().easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl().easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl().easy_setopt(easy, CURLOPT_WRITEDATA, this);
  if (!request_.proxy) curl().easy_setopt(easy, CURLOPT_PROXY, "");
  if (request_.may_connect) {
    curl().easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl().easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    // A connection that another request opened was not asked about.
    curl().easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl().easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  }
  if (request_.connect_timeout_ms > 0) {
    curl().easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout_ms));
  }
  if (has_body) {
    curl().easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.c_str());
    curl().easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  }
  if (request_.method == "HEAD") {
    curl().easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request_.method != (has_body ? "POST" : "GET")) {
    curl().easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
  return {};
}

void Transfer::start(std::move_only_function<void(Error)> give_up) {
  give_up_ = std::move(give_up);
  started_ms_ = now_ms();
  check_deadlines();
}

void Transfer::check_deadlines() {
  const std::int64_t now = now_ms();
  const auto expire = [&](std::string_view what, std::int64_t limit_ms) {
    give_up_(Error{ErrorCode::unavailable, fmt::format("{}: {} within {} ms", host_, what, limit_ms), {}});
  };
  std::int64_t wake_ms = now + 60'000;
  const std::int64_t total_ms = request_.total_timeout_ms;
  if (total_ms > 0) {
    if (now >= started_ms_ + total_ms) return expire("the answer was not complete", total_ms);
    wake_ms = std::min(wake_ms, started_ms_ + total_ms);
  }
  const std::int64_t silence_ms = head_done_ ? request_.idle_timeout_ms : request_.first_byte_timeout_ms;
  if (silence_ms > 0) {
    std::int64_t since_ms = heard_ms_;
    if (!head_done_) {
      // Microseconds until the request could be sent; 0 while connecting, which has curl's own deadline.
      curl_off_t sent_us = 0;
      curl().easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &sent_us);
      since_ms = sent_us > 0 ? started_ms_ + sent_us / 1000 : now;
    }
    if (now >= since_ms + silence_ms)
      return expire(head_done_ ? "nothing more came" : "no first byte came", silence_ms);
    wake_ms = std::min(wake_ms, since_ms + silence_ms);
  }
  deadline_ = loop_.after_ms(wake_ms - now, [this] { check_deadlines(); });
}

std::size_t Transfer::on_header(const char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  try {
    return transfer->take_header_line({bytes, size * count}) ? size * count : CURL_WRITEFUNC_ERROR;
  } catch (...) {
    transfer->thrown_ = std::current_exception();
    return CURL_WRITEFUNC_ERROR;
  }
}

bool Transfer::take_header_line(std::string_view line) {
  if (finished_) return false;
  if (head_done_) return true;  // trailers
  heard_ms_ = now_ms();
  header_bytes_ += line.size();
  if (header_bytes_ > kHeaderBytesMax) return false;
  if (line.starts_with("HTTP/")) {
    headers_.clear();
    status_ = 0;
    const auto space = std::min(line.find(' '), line.size() - 1);
    const std::string_view code = trim(line.substr(space)).substr(0, 3);
    std::from_chars(code.data(), code.data() + code.size(), status_);
    return true;
  }
  if (!trim(line).empty()) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    headers_.push_back({std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
    return true;
  }
  if (status_ < 200) return true;  // "103 Early Hints"; the real head follows
  head_done_ = true;
  // From now on silence is measured by the idle deadline, which may be the shorter one.
  deadline_ = loop_.after_ms(0, [this] { check_deadlines(); });
  sink_->on_head(status_, headers_);
  return true;
}

std::size_t Transfer::on_body(const char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  if (transfer->finished_) return CURL_WRITEFUNC_ERROR;
  transfer->heard_ms_ = now_ms();
  try {
    if (transfer->sink_->on_body({bytes, size * count})) return size * count;
    transfer->sink_stopped_ = true;
  } catch (...) {
    transfer->thrown_ = std::current_exception();
  }
  return CURL_WRITEFUNC_ERROR;
}

curl_socket_t Transfer::on_open_socket(void* self, curlsocktype, curl_sockaddr* target) {
  auto* transfer = static_cast<Transfer*>(self);
  char text[INET6_ADDRSTRLEN] = "an address of no known kind";
  const sockaddr* address = &target->addr;
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
  }
  const auto parsed = parse_address(text);
  if (!parsed || !transfer->request_.may_connect(*parsed)) {
    transfer->refused_ = text;
    return CURL_SOCKET_BAD;
  }
  return ::socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
}

Result<void> Transfer::outcome_of(CURLcode code) const {
  if (code != CURLE_OK && !refused_.empty()) {
    return fail(ErrorCode::denied, "{} leads to {}, which may not be reached", host_, refused_);
  }
  const std::string_view detail = curl_error_[0] ? curl_error_ : curl().easy_strerror(code);
  switch (code) {
    case CURLE_OK: return {};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return fail(ErrorCode::invalid, "malformed URL: {}", detail);
    case CURLE_WRITE_ERROR:
      if (sink_stopped_) return fail(ErrorCode::cancelled, "{}: the receiver stopped", host_);
      if (header_bytes_ > kHeaderBytesMax)
        return fail(ErrorCode::unavailable, "{}: the answer's headers are too large", host_);
      break;
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorCode::unavailable, "{}: could not connect within {} ms", host_, request_.connect_timeout_ms);
    default: break;
  }
  return fail(ErrorCode::unavailable, "{}: {}", host_, detail);
}

void Transfer::finish(Result<void> outcome) {
  finished_ = true;
  deadline_.reset();
  give_up_ = nullptr;
  outcome_ = std::move(outcome);
  done_.setter()(Unit{});
}

Result<void> Transfer::result() {
  if (thrown_) std::rethrow_exception(thrown_);
  return std::move(outcome_);
}

}  // namespace quarterdeck::net
