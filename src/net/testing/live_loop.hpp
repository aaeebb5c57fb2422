// For tests: a loop on its own thread, a raw client socket, and a wait for things that another thread does.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/task.hpp"
#include "base/unique_fd.hpp"
#include "net/event_loop.hpp"

namespace quarterdeck::net::testing {

class LiveLoop {
 public:
  LiveLoop() : loop_(make_event_loop()), thread_([this] { loop_->run(); }) {}
  ~LiveLoop() {
    loop_->stop();
    thread_.join();
  }
  EventLoop& loop() { return *loop_; }

  // Runs `work` on the loop and waits for its value.
  template <class Work>
  auto on_loop(Work work) {
    using Value = std::invoke_result_t<Work>;
    std::promise<Value> promise;
    loop_->post([&] {
      if constexpr (std::is_void_v<Value>) {
        work();
        promise.set_value();
      } else {
        promise.set_value(work());
      }
    });
    return promise.get_future().get();
  }

  // Starts the task that `make` gives on the loop; the future has its value.
  template <class Make>
  auto start(Make make) {
    using Value = decltype(value_of(make()));
    auto promise = std::make_shared<std::promise<Value>>();
    auto future = promise->get_future();
    loop_->post([make = std::move(make), promise]() mutable { run(make(), promise); });
    return future;
  }

 private:
  template <class T>
  static T value_of(Task<T>);
  template <class T>
  static detail::Detached run(Task<T> task, std::shared_ptr<std::promise<T>> promise) {
    try {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(task);
        promise->set_value();
      } else {
        promise->set_value(co_await std::move(task));
      }
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  }

  std::unique_ptr<EventLoop> loop_;
  std::thread thread_;
};

// True as soon as `condition` holds; false after five seconds.
template <class Condition>
bool eventually(Condition condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// A blocking client that sends what it is told, well-formed or not. Reads give up after five seconds.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (receive_buffer_bytes > 0) {
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  bool connected() const { return connected_; }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // One more read, appended to buffered; false at the end, on reset and after five seconds.
  bool read_more() {
    char bytes[16 * 1024];
    const ssize_t received = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (received > 0) buffered.append(bytes, static_cast<std::size_t>(received));
    if (received == 0) ended_ = true;
    return received > 0;
  }
  // All up to and with `mark`, taken out of buffered; shorter when the connection ended.
  std::string read_until(std::string_view mark) {
    std::size_t at;
    while ((at = buffered.find(mark)) == std::string::npos) {
      if (!read_more()) return std::exchange(buffered, {});
    }
    std::string taken = buffered.substr(0, at + mark.size());
    buffered.erase(0, at + mark.size());
    return taken;
  }
  std::string read_to_end() {
    while (read_more()) {}
    return std::exchange(buffered, {});
  }
  // The peer closed in order (no reset, no silence).
  bool ended() const { return ended_; }
  // Head and body of an answer with Content-Length.
  std::string read_response() {
    std::string head = read_until("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    const auto length = static_cast<std::size_t>(std::stoul(head.substr(at + 16)));
    while (buffered.size() < length && read_more()) {}
    head += buffered.substr(0, length);
    buffered.erase(0, length);
    return head;
  }
  void shut_down_sending() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }
  // Closes with a reset instead of an orderly end.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.reset();
  }

  std::string buffered;

 private:
  UniqueFd socket_;
  bool connected_ = false;
  bool ended_ = false;
};

}  // namespace quarterdeck::net::testing
