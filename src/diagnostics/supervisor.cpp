#include "diagnostics/supervisor.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>

namespace quarterdeck::diagnostics {
namespace {

constexpr int kFirstInherited = 3;

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value ? value : "";
  ::unsetenv(name);
  return out;
}

std::int64_t number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

UniqueFd connect_to(const std::string& path) {
  sockaddr_un address{};
  if (path.size() < 2 || path.size() >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // Linux's abstract names
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (!socket.valid() || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return {};
  return socket;
}

bool listens(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value == 1;
}

}  // namespace

Supervisor Supervisor::from_environment() {
  Supervisor found;
  found.socket_ = connect_to(take_variable("NOTIFY_SOCKET"));
  const std::int64_t watchdog_pid = number(take_variable("WATCHDOG_PID"));
  const std::int64_t watchdog_us = number(take_variable("WATCHDOG_USEC"));
  if (watchdog_pid == 0 || watchdog_pid == ::getpid()) found.pulse_ms_ = watchdog_us / 2000;
  const std::int64_t listen_pid = number(take_variable("LISTEN_PID"));
  const std::int64_t listen_fds = number(take_variable("LISTEN_FDS"));
  take_variable("LISTEN_FDNAMES");
  if (listen_pid != ::getpid()) return found;
  for (int fd = kFirstInherited; fd < kFirstInherited + listen_fds; ++fd) {
    if (!found.listener_.valid() && listens(fd)) {
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
      found.listener_ = UniqueFd(fd);
    }
  }
  return found;
}

void Supervisor::tell(std::string_view state) const {
  if (!socket_.valid()) return;
  ::send(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace quarterdeck::diagnostics
