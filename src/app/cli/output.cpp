#include "app/cli/output.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "app/cli/terminal.hpp"

namespace quarterdeck::app {

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, 1000);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void complain(std::string_view text) { write_all(STDERR_FILENO, "quarterdeck: " + harmless(text) + "\n"); }

}  // namespace quarterdeck::app
