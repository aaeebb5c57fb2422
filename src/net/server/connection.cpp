#include "net/server/connection.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>

#include <fmt/format.h>

#include "base/id.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "net/asio/loop_span.hpp"
#include "net/server/gzip.hpp"
#include "net/server/response_head.hpp"
#include "net/websocket.hpp"

namespace quarterdeck::net {
namespace {

constexpr std::int64_t kLingerMs = 1'000;
constexpr std::size_t kLingerBytes = 64 * 1024;
// Longer bodies are compressed piece by piece, with the loop free in between.
constexpr std::size_t kCompressSliceBytes = 256 * 1024;

constexpr RequestFailure kTooSlow{408, "RequestTimeout", "Body", "The request's body took too long"};
constexpr RequestFailure kTooMany{503, "ServiceUnavailable", "Request", "Too many connections"};

std::string_view limit_of(int status) {
  switch (status) {
    case 408: return "body_time";
    case 413: return "body_bytes";
    case 431: return "header_bytes";
    case 503: return "connections";
    default: return "";
  }
}

metrics::Family<metrics::Counter> refusals("quarterdeck_http_refused_total",
                                           "Requests answered before they had a route: malformed or over a limit");

// Counts a request that shutdown() waits for.
class Answering {
 public:
  explicit Answering(ServerCore& core) : core_(core) { ++core_.answering; }
  ~Answering() { --core_.answering; }
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;

 private:
  ServerCore& core_;
};

std::string_view text_of(const Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
  if (const auto* bytes = std::get_if<Bytes>(&response.body))
    return *bytes ? std::string_view(**bytes) : std::string_view{};
  return {};
}

iovec part(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

}  // namespace

Connection::Connection(std::shared_ptr<ServerCore> core, Socket socket, std::string peer)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      parser_({core_->options.limits.header_bytes_max, core_->options.limits.body_bytes_max}),
      deadline_(core_->deadlines, [this] { signal(kTimeout); }) {
  core_->connections.insert(this);
}

Connection::~Connection() {
  set_waits(Waits::no);
  core_->connections.erase(this);
}

void Connection::start() { run(shared_from_this(), serve()); }
void Connection::start_refusing() { run(shared_from_this(), turn_away()); }

detail::Detached Connection::run(std::shared_ptr<Connection> self, Task<void> work) {
  // One of the three places that catch: what escapes here is a bug of ours and costs this connection only.
  try {
    co_await std::move(work);
  } catch (const std::exception& error) {
    log::error("connection of {}: {}", self->peer_, error.what());
  }
  self->close();
  self->set_waits(Waits::no);
  // Not when the object dies: an aborted wait may keep it for a moment.
  self->core_->connections.erase(self.get());
}

Task<void> Connection::serve() {
  while (co_await read_request()) {
    Exchange exchange{.http_1_0 = parser_.is_http_1_0()};
    exchange.keep_alive = parser_.keep_alive();
    Request request = parser_.take();
    request.peer = peer_;
    exchange.head_only = request.method == "HEAD";
    const std::string* encodings = request.header("accept-encoding");
    exchange.accepts_gzip = encodings && accepts_gzip(*encodings);
    std::string websocket_key;
    if (asks_for_websocket(request)) websocket_key = *request.header("sec-websocket-key");

    std::optional<Answering> answering(std::in_place, *core_);
    Response response = co_await answer(std::move(request));
    if (auto* conversation = std::get_if<std::unique_ptr<Conversation>>(&response.body)) {
      answering.reset();
      co_await converse(std::move(websocket_key), std::move(*conversation));
      co_return;
    }
    if (core_->draining) exchange.keep_alive = false;
    const bool is_stream = std::holds_alternative<std::unique_ptr<Stream>>(response.body);
    if (is_stream) {
      answering.reset();
      // Nothing but the end of the connection tells HTTP/1.0 where such a body ends.
      if (exchange.http_1_0) exchange.keep_alive = false;
    }
    if (!co_await write(std::move(response), exchange)) co_return;
    if (!exchange.keep_alive) {
      if (!parser_.idle() || receive() > 0) co_await linger();
      co_return;
    }
  }
}

Task<bool> Connection::read_request() {
  const ServerLimits& limits = core_->options.limits;
  RequestParser::State state = parser_.feed({});
  std::int64_t started_ms = parser_.idle() ? 0 : Deadlines::now_ms();
  bool in_body = false;
  std::int64_t body_bytes = 0;
  for (;;) {
    if (state == RequestParser::State::complete) {
      set_waits(Waits::no);
      deadline_.clear();
      co_return true;
    }
    if (state == RequestParser::State::failed) {
      set_waits(Waits::no);
      co_await refuse(parser_.failure());
      co_return false;
    }
    const bool idle = parser_.idle();
    const std::int64_t now = Deadlines::now_ms();
    if (idle) {
      set_timeout(now + (core_->draining ? ServerCore::kDrainMs : limits.idle_timeout_ms));
    } else if (state == RequestParser::State::head) {
      if (started_ms == 0) started_ms = now;
      set_timeout(started_ms + limits.header_timeout_ms);
    } else {
      if (!in_body) {
        in_body = true;
        started_ms = now;
        if (parser_.expects_continue() && parser_.buffered_bytes() == 0) {
          std::array parts{part("HTTP/1.1 100 Continue\r\n\r\n")};
          if (!co_await send(parts)) co_return false;
        }
      }
      const std::int64_t earned_ms = body_bytes * 1000 / limits.body_bytes_per_second_min;
      set_timeout(std::min(now, started_ms + earned_ms) + limits.body_timeout_ms);
    }

    watch_readable();
    set_waits(idle ? Waits::for_request : Waits::for_rest);
    const bool hears_drain = idle && !core_->draining;
    const unsigned raised = co_await until(kReadable | kTimeout | (hears_drain ? unsigned{kDrain} : 0u));
    if (raised & kClosed) co_return false;
    if (!(raised & kReadable)) {
      if (raised & kDrain) continue;
      if (in_body && (raised & kTimeout)) co_await refuse(kTooSlow);
      if (!in_body && !idle && (raised & kTimeout)) metrics::limit_hit("header_time");
      co_return false;
    }
    const std::ptrdiff_t received = receive();
    if (received < 0) co_return false;
    if (in_body) body_bytes += received;
    state = parser_.feed({core_->read_buffer.data(), static_cast<std::size_t>(received)});
  }
}

Task<Response> Connection::answer(Request request) {
  // For the log: the request is the handler's by the time it fails.
  const std::string what = fmt::format("{} {}", request.method, request.path);
  std::string why;
  try {
    Task<Response> answering = core_->handler(std::move(request));
    co_return co_await std::move(answering);
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
    why = "something that is no std::exception";
  }
  const std::string reference = fmt::format("err_{:08x}", static_cast<std::uint32_t>(system_random().next()));
  log::error("{} {} failed: {}", reference, what, why);
  co_return unexpected_error_response(reference);
}

Task<bool> Connection::write(Response response, Exchange exchange) {
  if (std::holds_alternative<std::unique_ptr<Stream>>(response.body))
    return write_stream(std::move(response), exchange);
  return write_fixed(std::move(response), exchange);
}

Task<bool> Connection::write_fixed(Response response, Exchange exchange) {
  std::string_view body = text_of(response);
  ResponseHead head{.status = response.status,
                    .headers = &response.headers,
                    .keep_alive = exchange.keep_alive,
                    .http_1_0 = exchange.http_1_0};
  std::string compressed;
  if (!may_have_body(response.status)) {
    head.framing = Framing::none;
    body = {};
  } else if (body.size() >= core_->options.gzip_bytes_min && !find_header(response.headers, "content-encoding")) {
    const std::string* type = find_header(response.headers, "content-type");
    head.vary_accept_encoding = !type || worth_compressing(*type);
    if (head.vary_accept_encoding && exchange.accepts_gzip) {
      compressed = co_await compress(body);
      body = compressed;
      head.gzip = true;
    }
  }
  head.content_length = body.size();
  const std::string text = format_head(head);
  std::array parts{part(text), part(exchange.head_only ? std::string_view{} : body)};
  co_return co_await send(parts);
}

Task<void> Connection::converse(std::string key, std::unique_ptr<Conversation> conversation) {
  ASSERT(!key.empty() && conversation, "only a request for a WebSocket is answered with a conversation");
  // A client that speaks before it knows that we do is none.
  if (!parser_.idle()) co_return;
  websocket_ =
      std::make_shared<WebSocketSession>(std::move(socket_), std::move(conversation), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->wake();
      });
  websocket_->start(key);
  if (raised_ & kClosed) websocket_->abort();
  bool stopping = false;
  while (!websocket_->ended()) {
    const unsigned raised = co_await until(kWoken | (stopping ? 0u : unsigned{kStop}));
    if (raised & kClosed) co_return;
    if (raised & kStop) websocket_->close({.code = 1001, .reason = "the server is stopping"});
    stopping = stopping || (raised & kStop);
  }
}

Task<std::string> Connection::compress(std::string_view body) {
  if (body.size() <= kCompressSliceBytes) co_return core_->gzip.compress(body);
  Gzip own;
  std::string out;
  while (body.size() > kCompressSliceBytes) {
    own.write(body.substr(0, kCompressSliceBytes), Gzip::More::yes, out);
    body.remove_prefix(kCompressSliceBytes);
    co_await yield();
  }
  own.write(body, Gzip::More::no, out);
  co_return out;
}

Task<void> Connection::refuse(RequestFailure failure) {
  refusals.with(fmt::format("status=\"{}\"", failure.status)).add();
  if (const std::string_view limit = limit_of(failure.status); !limit.empty()) metrics::limit_hit(limit);
  Response response = failure_response(failure);
  if (co_await write_fixed(std::move(response), Exchange{})) co_await linger();
}

Task<void> Connection::turn_away() {
  // Without lingering: those who are too many must not stay.
  metrics::limit_hit("connections");
  co_await write_fixed(failure_response(kTooMany), Exchange{});
  receive();
}

Task<void> Connection::linger() {
  ::shutdown(socket_.native_handle(), SHUT_WR);
  set_timeout(Deadlines::now_ms() + kLingerMs);
  std::size_t dropped = 0;
  while (dropped < kLingerBytes) {
    watch_readable();
    const unsigned raised = co_await until(kReadable | kTimeout);
    if (raised & (kClosed | kTimeout)) co_return;
    const std::ptrdiff_t received = receive();
    if (received < 0) co_return;
    dropped += static_cast<std::size_t>(received);
  }
}

Task<bool> Connection::send(std::span<iovec> parts) {
  const Sent sent = co_await send_within(parts, core_->options.limits.write_timeout_ms);
  if (sent == Sent::blocked) metrics::limit_hit("write_time");
  co_return sent == Sent::all;
}

Task<Connection::Sent> Connection::send_within(std::span<iovec>& parts, std::int64_t stall_ms) {
  for (;;) {
    const Sent sent = send_now(parts);
    if (sent != Sent::blocked) co_return sent;
    set_timeout(Deadlines::now_ms() + stall_ms);
    watch_writable();
    const unsigned raised = co_await until(kWritable | kTimeout);
    deadline_.clear();
    if (raised & kClosed) co_return Sent::gone;
    if (raised & kTimeout) co_return Sent::blocked;
  }
}

Task<void> Connection::yield() {
  core_->loop.post([self = shared_from_this()] { self->wake(); });
  co_await until(kWoken);
}

Connection::Sent Connection::send_now(std::span<iovec>& parts) {
  for (;;) {
    while (!parts.empty() && parts.front().iov_len == 0) parts = parts.subspan(1);
    if (parts.empty()) return Sent::all;
    if (raised_ & kClosed) return Sent::gone;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = std::min<std::size_t>(parts.size(), IOV_MAX);
    const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Sent::blocked : Sent::gone;
    }
    auto left = static_cast<std::size_t>(sent);
    for (iovec& each : parts) {
      const std::size_t taken = std::min(left, each.iov_len);
      each.iov_base = static_cast<char*>(each.iov_base) + taken;
      each.iov_len -= taken;
      left -= taken;
      if (left == 0) break;
    }
  }
}

std::ptrdiff_t Connection::receive() {
  std::string& buffer = core_->read_buffer;
  for (;;) {
    const ssize_t received = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (received > 0) return received;
    if (received == 0) return -1;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
  }
}

unsigned Connection::Until::await_resume() const noexcept {
  const unsigned raised = connection.raised_ & wanted;
  connection.raised_ &= ~wanted | kLasting;
  return raised;
}

void Connection::signal(unsigned raised) {
  raised_ |= raised;
  if (!waiter_ || !(raised_ & wanted_)) return;
  // Resuming may end the coroutine, which may own the last reference to us.
  const auto self = shared_from_this();
  std::exchange(waiter_, nullptr).resume();
}

void Connection::set_timeout(std::int64_t due_ms) {
  raised_ &= ~unsigned{kTimeout};
  deadline_.set(due_ms);
}

void Connection::set_waits(Waits waits) {
  std::list<Connection*>* list = waits == Waits::for_request ? &core_->idle
                                 : waits == Waits::for_rest  ? &core_->reading
                                                             : nullptr;
  if (list == waiting_in_) return;
  if (waiting_in_) waiting_in_->erase(waiting_place_);
  waiting_in_ = list;
  waiting_since_ms_ = Deadlines::now_ms();
  if (list) waiting_place_ = list->insert(list->end(), this);
}

void Connection::watch_readable() {
  if (reading_ || !socket_.is_open()) return;
  reading_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](boost::system::error_code error) {
    const LoopSpan span("http read");
    self->reading_ = false;
    self->signal(error ? kClosed : kReadable);
  });
}

void Connection::watch_writable() {
  if (writing_ || !socket_.is_open()) return;
  writing_ = true;
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](boost::system::error_code error) {
    const LoopSpan span("http write");
    self->writing_ = false;
    self->signal(error ? kClosed : kWritable);
  });
}

void Connection::reset() {
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  close();
}

void Connection::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (websocket_) websocket_->abort();
  deadline_.clear();
  signal(kClosed);
}

}  // namespace quarterdeck::net
