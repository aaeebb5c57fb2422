#include "bench/loadgen/client.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <fmt/format.h>

namespace quarterdeck::loadgen {

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

std::string Samples::json() {
  if (ms_.empty()) return "null";
  std::ranges::sort(ms_);
  const auto at = [&](double share) {
    return ms_[static_cast<std::size_t>(share * static_cast<double>(ms_.size() - 1) + 0.5)];
  };
  return fmt::format(R"({{"n":{},"min":{:.4f},"p50":{:.4f},"p99":{:.4f},"max":{:.4f}}})", ms_.size(), ms_.front(),
                     at(0.5), at(0.99), ms_.back());
}

Poll::Poll() : fd_(epoll_create1(EPOLL_CLOEXEC)) {}
Poll::~Poll() { ::close(fd_); }

void Poll::run(double seconds, const std::function<bool()>& done) {
  const auto end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  std::array<epoll_event, 512> events{};
  while (!done()) {
    const auto left_ms = (end - now_ns()) / 1'000'000;
    if (left_ms <= 0) return;
    const int count = epoll_wait(fd_, events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(std::min<std::int64_t>(left_ms, 50)));
    for (int i = 0; i < count; ++i)
      static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr)
          ->ready(events[static_cast<std::size_t>(i)].events);
  }
}

bool Connection::open() {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 && errno != EINPROGRESS) return false;
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.ptr = this}};
  watches_write_ = true;
  return epoll_ctl(poll_.fd(), EPOLL_CTL_ADD, fd_, &event) == 0;
}

void Connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Connection::fail() {
  close();
  status_ = 0;
  if (std::exchange(busy_, false) && on_done) on_done();
}

void Connection::request(std::string_view method, std::string_view path, std::string_view body) {
  out_ = fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", method, path, port_);
  if (method != "GET") out_ += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  out_ += "\r\n";
  out_ += body;
  busy_ = true;
  state_ = State::head;
  line_.clear();
  sent_ns_ = now_ns();
  if (fd_ >= 0) return write();
  if (!open()) fail();
}

void Connection::watch(bool writable) {
  if (watches_write_ == writable) return;
  watches_write_ = writable;
  epoll_event event{.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data = {.ptr = this}};
  epoll_ctl(poll_.fd(), EPOLL_CTL_MOD, fd_, &event);
}

void Connection::write() {
  while (!out_.empty()) {
    const ssize_t sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == ENOTCONN ? watch(true) : fail();
    out_.erase(0, static_cast<std::size_t>(sent));
  }
  watch(false);
}

void Connection::ready(std::uint32_t events) {
  static std::array<char, 256 * 1024> buffer;
  if (events & EPOLLOUT) write();
  if (fd_ < 0 || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  const ssize_t received = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (received > 0) return feed({buffer.data(), static_cast<std::size_t>(received)});
  if (received == 0 || (errno != EAGAIN && errno != EINTR)) fail();
}

// Moves what belongs to the line from `bytes` to line_; true when it is whole.
bool Connection::read_line(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  line_ += bytes.substr(0, end);
  if (end == std::string_view::npos) {
    bytes = {};
    return false;
  }
  bytes.remove_prefix(end + 1);
  return true;
}

bool Connection::read_head(std::string_view& bytes) {
  line_ += bytes;
  const auto end = line_.find("\r\n\r\n");
  if (end == std::string::npos) {
    bytes = {};
    return false;
  }
  bytes.remove_prefix(bytes.size() - (line_.size() - end - 4));
  line_.resize(end);
  status_ = std::atoi(line_.c_str() + 9);
  std::ranges::transform(line_, line_.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto length = line_.find("content-length:");
  left_ = length == std::string::npos ? 0 : std::strtoull(line_.c_str() + length + 15, nullptr, 10);
  state_ = line_.contains("transfer-encoding: chunked") ? State::chunk_size : State::fixed;
  line_.clear();
  return true;
}

void Connection::finish() {
  busy_ = false;
  if (on_done) on_done();
}

void Connection::feed(std::string_view bytes) {
  while (busy_) {
    switch (state_) {
      case State::head:
        if (!read_head(bytes)) return;
        if (state_ == State::fixed && left_ == 0) return finish();
        break;
      case State::fixed:
      case State::chunk: {
        const auto piece = bytes.substr(0, left_);
        bytes.remove_prefix(piece.size());
        left_ -= piece.size();
        if (on_body && !piece.empty()) on_body(piece);
        if (left_ > 0) return;
        if (state_ == State::fixed) return finish();
        state_ = State::chunk_end;
        break;
      }
      case State::chunk_size:
        if (!read_line(bytes)) return;
        left_ = std::strtoull(line_.c_str(), nullptr, 16);
        line_.clear();
        state_ = left_ > 0 ? State::chunk : State::trailer;
        break;
      case State::chunk_end:
        if (!read_line(bytes)) return;
        line_.clear();
        state_ = State::chunk_size;
        break;
      case State::trailer:
        if (!read_line(bytes)) return;
        if (line_ == "\r") return finish();
        line_.clear();
        break;
    }
  }
}

}  // namespace quarterdeck::loadgen
