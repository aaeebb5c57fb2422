#include "app/cli/bridge/lines.hpp"

#include <unistd.h>

#include <cerrno>

namespace quarterdeck::app {

Task<std::optional<std::string>> Lines::next() {
  auto work = [this] { return read(); };
  co_return co_await blocking(loop_, *pool_, work);
}

std::optional<std::string> Lines::read() {
  for (;;) {
    if (const auto end = buffer_.find('\n', scanned_); end != buffer_.npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      scanned_ = 0;
      return line;
    }
    scanned_ = buffer_.size();
    if (buffer_.size() > kLineBytesMax) return std::nullopt;
    char bytes[65536];
    const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (buffer_.empty()) return std::nullopt;
      scanned_ = 0;
      return std::exchange(buffer_, {});
    }
    buffer_.append(bytes, static_cast<std::size_t>(got));
  }
}

}  // namespace quarterdeck::app
