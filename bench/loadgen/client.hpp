// The load generator's HTTP/1.1 client: one thread, one epoll, keep-alive connections, one request at a time on each.
// Deliberately not src/net: what measures a server must not share its bugs. Times are CLOCK_MONOTONIC nanoseconds, the
// clock of the scripted model's marks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::loadgen {

std::int64_t now_ns();

// Samples in milliseconds and their percentiles as JSON.
class Samples {
 public:
  void add_ns(std::int64_t ns) { ms_.push_back(static_cast<double>(ns) / 1e6); }
  std::string json();

 private:
  std::vector<double> ms_;
};

class Poll {
 public:
  Poll();
  ~Poll();
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  int fd() const { return fd_; }
  // Until `done` or the deadline.
  void run(double seconds, const std::function<bool()>& done);

 private:
  int fd_;
};

class Connection {
 public:
  Connection(Poll& poll, std::uint16_t port) : poll_(poll), port_(port) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::function<void()> on_done;                  // answered, or broken: status() is 0
  std::function<void(std::string_view)> on_body;  // pieces of the body, without their framing

  void request(std::string_view method, std::string_view path, std::string_view body);
  int status() const { return status_; }
  std::int64_t sent_ns() const { return sent_ns_; }
  void ready(std::uint32_t events);

 private:
  enum class State { head, fixed, chunk_size, chunk, chunk_end, trailer };

  bool open();
  void close();
  void fail();
  void write();
  void watch(bool writable);
  void feed(std::string_view bytes);
  bool read_head(std::string_view& bytes);
  bool read_line(std::string_view& bytes);
  void finish();

  Poll& poll_;
  std::uint16_t port_;
  int fd_ = -1;
  bool busy_ = false;
  bool watches_write_ = false;
  std::string out_;
  std::string line_;  // the head, or a chunk's line, as far as it came
  State state_ = State::head;
  std::size_t left_ = 0;
  int status_ = 0;
  std::int64_t sent_ns_ = 0;
};

}  // namespace quarterdeck::loadgen
