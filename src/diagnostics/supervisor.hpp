// What systemd (or whoever started us its way) is told and gives: readiness, the watchdog's pulse, a listening socket that
// stays open while we are restarted. Source: sd_notify(3), sd_listen_fds(3); the datagram protocol is spoken directly.
// Without NOTIFY_SOCKET, LISTEN_FDS, WATCHDOG_USEC in the environment everything here does nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/unique_fd.hpp"

namespace quarterdeck::diagnostics {

class Supervisor {
 public:
  // Reads the environment and takes the variables out of it, so that no child mistakes them for its own. Call it before
  // other threads exist.
  static Supervisor from_environment();

  // "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…"; lines.
  void tell(std::string_view state) const;
  // Half of what the supervisor waits for, as sd_watchdog_enabled(3) advises; 0 = it does not wait.
  std::int64_t pulse_ms() const { return pulse_ms_; }
  // The first inherited listening socket; once.
  UniqueFd take_listener() { return std::move(listener_); }

 private:
  UniqueFd socket_;
  std::int64_t pulse_ms_ = 0;
  UniqueFd listener_;
};

}  // namespace quarterdeck::diagnostics
