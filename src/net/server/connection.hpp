// One client: reads requests, hands them to the handler one after another, writes the answers.
//
//   idle ──bytes──▶ head ──▶ body ──▶ handler ──▶ write answer ─▶ idle     (or stream until its end)
//
// A coroutine that sleeps on signals: socket readable or writable, stream woken, deadline, shutdown, closed.
// Law: the coroutine keeps the connection alive; close() wakes it wherever it waits on the socket, and it ends. While
// the handler runs nothing is read: a client that leaves is noticed when the answer is written.
#pragma once

#include <coroutine>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "base/task.hpp"
#include "net/server/request_parser.hpp"
#include "net/server/response_head.hpp"
#include "net/server/server_core.hpp"
#include "net/server/websocket_session.hpp"

struct iovec;

namespace quarterdeck::net {

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  Connection(std::shared_ptr<ServerCore> core, Socket socket, std::string peer);
  ~Connection();

  void start();
  // Over the limit of connections: says so and goes.
  void start_refusing();
  void wake() { signal(kWoken); }
  // The connection closes when it is idle.
  void drain() { signal(kDrain); }
  // Its stream ends after what is ready.
  void stop() { signal(kStop); }
  void close();
  // For what has come of a request, or since the last answer.
  std::int64_t waiting_since_ms() const { return waiting_since_ms_; }

 private:
  enum Signal : unsigned {
    kReadable = 1,
    kWritable = 2,
    kWoken = 4,
    kTimeout = 8,
    kDrain = 16,
    kStop = 32,
    kClosed = 64,
    kLasting = kDrain | kStop | kClosed,
  };
  // What the answer depends on besides itself.
  struct Exchange {
    bool head_only = false;
    bool http_1_0 = false;
    bool accepts_gzip = false;
    bool keep_alive = false;
  };
  enum class Sent { all, blocked, gone };
  enum class Waits { no, for_request, for_rest };

  static detail::Detached run(std::shared_ptr<Connection> self, Task<void> work);
  Task<void> serve();
  Task<bool> read_request();
  Task<Response> answer(Request request);
  Task<bool> write(Response response, Exchange exchange);
  Task<bool> write_fixed(Response response, Exchange exchange);
  Task<bool> write_stream(Response response, Exchange exchange);
  Task<void> converse(std::string key, std::unique_ptr<Conversation> conversation);
  Task<std::string> compress(std::string_view body);
  Task<void> refuse(RequestFailure failure);
  Task<void> turn_away();
  // Reads what the client still sends, a little, so that closing does not reset the answer away.
  Task<void> linger();
  Task<bool> send(std::span<iovec> parts);
  // Cuts from `parts` what was sent; `blocked` when nothing could be for `stall_ms`.
  Task<Sent> send_within(std::span<iovec>& parts, std::int64_t stall_ms);
  // A stream's client is too slow: what is left of its frame and the last words go into the kernel's buffer at once, and
  // wait there for the client without costing us anything.
  void part_from(Stream& stream, std::span<iovec> left, Framing framing);
  Task<void> yield();

  Sent send_now(std::span<iovec>& parts);
  // Bytes into core_->read_buffer; 0 = would block, -1 = gone.
  std::ptrdiff_t receive();
  bool stream_peer_gone();
  // Closes so that the peer sees a reset, whatever is still on its way.
  void reset();

  struct Until {
    Connection& connection;
    unsigned wanted;
    bool await_ready() const noexcept { return connection.raised_ & wanted; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
      connection.waiter_ = waiter;
      connection.wanted_ = wanted;
    }
    unsigned await_resume() const noexcept;
  };
  Until until(unsigned wanted) { return {*this, wanted | kClosed}; }
  void signal(unsigned raised);
  void set_timeout(std::int64_t due_ms);
  void set_waits(Waits waits);
  void watch_readable();
  void watch_writable();

  std::shared_ptr<ServerCore> core_;
  Socket socket_;
  std::string peer_;
  RequestParser parser_;
  std::shared_ptr<WebSocketSession> websocket_;  // has the socket, once upgraded; lives on its operations
  Deadlines::Entry deadline_;
  std::list<Connection*>* waiting_in_ = nullptr;
  std::list<Connection*>::iterator waiting_place_;
  std::int64_t waiting_since_ms_ = 0;
  std::coroutine_handle<> waiter_;
  unsigned wanted_ = 0;
  unsigned raised_ = 0;
  bool reading_ = false;
  bool writing_ = false;
};

}  // namespace quarterdeck::net
