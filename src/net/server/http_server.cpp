#include "net/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "base/async.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "net/asio/asio_loop.hpp"
#include "net/asio/loop_span.hpp"
#include "net/server/connection.hpp"
#include "net/server/server_core.hpp"

namespace quarterdeck::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Flushes take a quarter of the loop's time at most, and come once a millisecond at most: each owes four times what it
// took, or a millisecond. Debts of up to 8 ms wait: a turn's few events leave at once, a flood is gathered.
constexpr std::int64_t kFlushDebtUs = 1'000;
constexpr std::int64_t kFlushDebtUsMax = 50'000;
constexpr std::int64_t kFlushDebtTimes = 4;
constexpr std::int64_t kFlushCreditUs = 8'000;
constexpr std::int64_t kAcceptPauseMs = 100;
// When all places are taken, who needs longer to send a request makes room.
constexpr std::int64_t kHurryMs = 1'000;
// One line in so many is enough to know that descriptors have run out.
constexpr std::int64_t kAcceptWarningMs = 10'000;
// How long streams and last answers may take to leave after the grace.
constexpr std::int64_t kGoodbyeMs = 500;
constexpr std::int64_t kPollMs = 10;

class Server final : public HttpServer {
 public:
  Server(AsioLoop& loop, std::shared_ptr<ServerCore> core, tcp::acceptor acceptor)
      : loop_(loop), core_(std::move(core)), door_(std::make_shared<Door>(core_, std::move(acceptor))) {
    if (core_->options.unix_path.empty()) port_ = door_->acceptor.local_endpoint().port();
    accept(door_);
  }
  ~Server() override {
    stop_accepting();
    close_all();
  }

  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return core_->connections.size(); }

  void stop_accepting() override {
    error_code ignored;
    door_->acceptor.close(ignored);
    door_->pause.reset();
  }

  Task<void> shutdown(std::int64_t grace_ms) override {
    stop_accepting();
    core_->draining = true;
    for (const auto& connection : everybody()) connection->drain();
    // What clients sent before they could know that we stop is on its way.
    if (connections() > 0) co_await sleep_ms(loop_, ServerCore::kDrainMs + kPollMs);
    // Requests first, streams after: what the last requests cause still reaches the subscribers.
    const std::int64_t give_up_ms = Deadlines::now_ms() + grace_ms;
    while (core_->answering > 0 && Deadlines::now_ms() < give_up_ms) co_await sleep_ms(loop_, kPollMs);
    for (const auto& connection : everybody()) connection->stop();
    const std::int64_t leave_ms = Deadlines::now_ms() + kGoodbyeMs;
    while (connections() > core_->answering && Deadlines::now_ms() < leave_ms) co_await sleep_ms(loop_, kPollMs);
    close_all();
  }

 private:
  // Shared with the accept in flight, which completes after the server has gone.
  struct Door {
    Door(std::shared_ptr<ServerCore> owner, tcp::acceptor listening)
        : core(std::move(owner)), acceptor(std::move(listening)) {}
    std::shared_ptr<ServerCore> core;
    tcp::acceptor acceptor;
    std::unique_ptr<Loop::Handle> pause;
    std::int64_t next_warning_ms = 0;
  };

  static void accept(const std::shared_ptr<Door>& door) {
    door->acceptor.async_accept([door](error_code error, tcp::socket socket) {
      const LoopSpan span("accept");
      // What was taken from the kernel's queue before we stopped is served.
      if (!error && !door->core->draining) welcome(door->core, std::move(socket));
      if (!door->acceptor.is_open()) return;
      if (error && error != asio::error::connection_aborted) {
        // Out of descriptors, mostly: trying again at once would spin. Whoever has nothing to say makes room.
        metrics::limit_hit("descriptors");
        if (Deadlines::now_ms() >= door->next_warning_ms) {
          log::warn("cannot accept a connection: {}", error.message());
          door->next_warning_ms = Deadlines::now_ms() + kAcceptWarningMs;
        }
        door->core->make_room();
        door->pause = door->core->loop.after_ms(kAcceptPauseMs, [weak = std::weak_ptr(door)] {
          if (const auto again = weak.lock()) accept(again);
        });
        return;
      }
      accept(door);
    });
  }

  static void welcome(const std::shared_ptr<ServerCore>& core, tcp::socket socket) {
    error_code error;
    if (!core->options.unix_path.empty()) {
      ucred peer{};
      socklen_t size = sizeof peer;
      if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
      admit(core, std::move(socket), "unix:" + std::to_string(peer.uid));
      return;
    }
    const auto peer = socket.remote_endpoint(error);
    if (error) return;  // gone already
    socket.set_option(tcp::no_delay(true), error);
    const auto unacknowledged_ms = static_cast<unsigned>(core->options.limits.write_timeout_ms);
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
    auto address = peer.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
      address = make_address_v4(asio::ip::v4_mapped, address.to_v6());
    admit(core, std::move(socket), address.to_string());
  }

  static void admit(const std::shared_ptr<ServerCore>& core, tcp::socket socket, std::string peer) {
    const bool full = core->connections.size() >= core->options.limits.connections_max && !core->make_room();
    const auto connection = std::make_shared<Connection>(core, std::move(socket), std::move(peer));
    full ? connection->start_refusing() : connection->start();
  }

  std::vector<std::shared_ptr<Connection>> everybody() const {
    std::vector<std::shared_ptr<Connection>> all;
    for (Connection* connection : core_->connections) {
      // One whose last reference is going away right now is none of ours.
      if (auto alive = connection->weak_from_this().lock()) all.push_back(std::move(alive));
    }
    return all;
  }

  void close_all() {
    core_->draining = true;
    for (const auto& connection : everybody()) connection->close();
  }

  AsioLoop& loop_;
  std::shared_ptr<ServerCore> core_;
  std::shared_ptr<Door> door_;
  std::uint16_t port_ = 0;
};

Result<asio::ip::address> resolve(std::string_view host) {
  if (host == "localhost") return asio::ip::address_v4::loopback();
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  error_code error;
  const auto address = asio::ip::make_address(std::string(host), error);
  if (error) return fail(ErrorCode::invalid, "cannot listen on \"{}\": give an IP address or localhost", host);
  return address;
}

}  // namespace

bool ServerCore::make_room() {
  Connection* leaves = nullptr;
  if (!idle.empty()) {
    leaves = idle.front();
  } else if (!reading.empty() && Deadlines::now_ms() - reading.front()->waiting_since_ms() > kHurryMs) {
    leaves = reading.front();
  }
  if (!leaves) return false;
  metrics::limit_hit("connections_idle");
  leaves->close();
  return true;
}

static std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void ServerCore::wake_soon(std::weak_ptr<Connection> connection) {
  woken_.push_back(std::move(connection));
  if (woken_.size() > 1) return;
  const std::int64_t wait_us = flush_debt_until_us_ - kFlushCreditUs - now_us();
  if (wait_us <= 0) {
    loop.post([self = weak_from_this()] {
      if (const auto core = self.lock()) core->flush();
    });
  } else {
    flush_timer_ = loop.after_ms((wait_us + 999) / 1000, [this] { flush(); });
  }
}

void ServerCore::flush() {
  const auto self = shared_from_this();
  const std::int64_t started_us = now_us();
  for (const auto& woken : std::exchange(woken_, {})) {
    if (const auto connection = woken.lock()) connection->wake();
  }
  const std::int64_t took_us = now_us() - started_us;
  flush_debt_until_us_ = std::max(flush_debt_until_us_, started_us) +
                         std::clamp(kFlushDebtTimes * took_us, kFlushDebtUs, took_us + kFlushDebtUsMax);
}

std::string bound_address(int socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  char text[INET6_ADDRSTRLEN] = {};
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return {};
  if (bound.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(bound).sin_addr, text, sizeof text);
  } else if (bound.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(bound).sin6_addr, text, sizeof text);
  }
  return text;
}

// A socket somebody else opened for us and keeps open while we are away.
static Result<std::unique_ptr<HttpServer>> listen_on(AsioLoop& loop, ServerOptions options, Handler handler) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  const int fd = options.inherited_socket;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0 ||
      (bound.ss_family != AF_INET && bound.ss_family != AF_INET6)) {
    return fail(ErrorCode::invalid, "the inherited socket is no TCP socket");
  }
  tcp::acceptor acceptor(loop.context());
  error_code error;
  acceptor.assign(bound.ss_family == AF_INET ? tcp::v4() : tcp::v6(), fd, error);
  if (error) return fail(ErrorCode::unavailable, "cannot take over the inherited socket: {}", error.message());
  auto core = std::make_shared<ServerCore>(loop, std::move(options), std::move(handler));
  return std::make_unique<Server>(loop, std::move(core), std::move(acceptor));
}

// Asio's TCP sockets do with any stream socket what we ask of them: read, write, wait.
static Result<std::unique_ptr<HttpServer>> listen_at(AsioLoop& loop, ServerOptions options, Handler handler) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = options.unix_path;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::invalid, "the path of the socket is too long (at most {} bytes): {}",
                sizeof address.sun_path - 1, path);
  }
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::unlink(path.c_str());
  // Nobody connects between bind and chmod: it does not listen yet.
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd, SOMAXCONN) != 0) {
    const int why = errno;
    if (fd >= 0) ::close(fd);
    return fail(ErrorCode::unavailable, "cannot listen on {}: {}", path, std::generic_category().message(why));
  }
  tcp::acceptor acceptor(loop.context());
  error_code error;
  acceptor.assign(tcp::v4(), fd, error);
  if (error) {
    ::close(fd);
    return fail(ErrorCode::unavailable, "cannot listen on {}: {}", path, error.message());
  }
  auto core = std::make_shared<ServerCore>(loop, std::move(options), std::move(handler));
  return std::make_unique<Server>(loop, std::move(core), std::move(acceptor));
}

Result<std::unique_ptr<HttpServer>> listen(EventLoop& loop, ServerOptions options, Handler handler) {
  if (!options.unix_path.empty()) return listen_at(asio_loop(loop), std::move(options), std::move(handler));
  if (options.inherited_socket >= 0) return listen_on(asio_loop(loop), std::move(options), std::move(handler));
  TRY(const auto address, resolve(options.host));
  AsioLoop& ours = asio_loop(loop);
  const tcp::endpoint endpoint(address, options.port);
  tcp::acceptor acceptor(ours.context());
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error == asio::error::address_in_use) {
    return fail(ErrorCode::unavailable,
                "{}:{} is in use: stop the server that holds it, or choose another port (0 = any)", options.host,
                options.port);
  }
  if (error == boost::system::errc::address_not_available) {
    return fail(ErrorCode::invalid, "cannot listen on {}: it is no address of this machine", options.host);
  }
  if (error)
    return fail(ErrorCode::unavailable, "cannot listen on {}:{}: {}", options.host, options.port, error.message());
  auto core = std::make_shared<ServerCore>(loop, std::move(options), std::move(handler));
  return std::make_unique<Server>(ours, std::move(core), std::move(acceptor));
}

}  // namespace quarterdeck::net
