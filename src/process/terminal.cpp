#include "process/terminal.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace quarterdeck::process {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
// A terminal holds 4 KB of input; who pastes more is fed as the command reads. The loop watches no writability, and a
// paste is rare: asking again this often is cheap and not felt.
constexpr std::int64_t kRetryMs = 10;
// What a dead command can have left: the kernel's buffer is far smaller.
constexpr int kDrainReadsMax = 64;

winsize to_winsize(TerminalSize size) {
  return {.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
}

}  // namespace

Result<std::unique_ptr<Terminal>> Terminal::open(Loop& loop, TerminalSize size,
                                                 std::function<void(std::string_view)> output) {
  UniqueFd ours(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  char name[64];
  if (!ours.valid() || ::grantpt(ours.get()) != 0 || ::unlockpt(ours.get()) != 0 ||
      ::ptsname_r(ours.get(), name, sizeof name) != 0) {
    return fail(ErrorCode::unavailable, "cannot open a terminal: {}", std::strerror(errno));
  }
  UniqueFd theirs(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!theirs.valid()) return fail(ErrorCode::unavailable, "cannot open a terminal: {}", std::strerror(errno));
  termios modes{};
  if (::tcgetattr(theirs.get(), &modes) == 0) {
    modes.c_iflag |= IUTF8;  // backspace takes back a character, not a byte
    ::tcsetattr(theirs.get(), TCSANOW, &modes);
  }
  std::unique_ptr<Terminal> terminal(new Terminal(loop, std::move(ours), std::move(theirs), std::move(output)));
  terminal->resize(size);
  return terminal;
}

Terminal::Terminal(Loop& loop, UniqueFd ours, UniqueFd theirs, std::function<void(std::string_view)> output)
    : loop_(loop), screen_end_(std::move(ours)), command_end_(std::move(theirs)), output_(std::move(output)) {
  watch_ = loop_.watch_readable(screen_end_.get(), [this] {
    // At the end it stays readable for ever, and a watch may not die in its own callback.
    if (read_some() == Found::end && watch_) loop_.post([watch = std::move(watch_)] {});
  });
}

Terminal::Found Terminal::read_some() {
  char bytes[kReadBytes];
  const auto count = ::read(screen_end_.get(), bytes, sizeof bytes);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Found::nothing;
  if (count <= 0) return Found::end;  // EIO: nobody holds the command's end any more
  output_({bytes, static_cast<std::size_t>(count)});
  return Found::bytes;
}

void Terminal::drain() {
  for (int reads = 0; reads < kDrainReadsMax && read_some() == Found::bytes; ++reads) {}
}

bool Terminal::write(std::string_view bytes) {
  if (input_.size() + bytes.size() > kInputBytesMax) return false;
  input_ += bytes;
  if (!retry_) flush();
  return true;
}

void Terminal::flush() {
  std::size_t done = 0;
  while (done < input_.size()) {
    const auto count = ::write(screen_end_.get(), input_.data() + done, input_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  input_.erase(0, done);
  if (input_.empty()) return;
  retry_ = loop_.after_ms(kRetryMs, [this] {
    loop_.post([handle = std::move(retry_)] {});
    flush();
  });
}

void Terminal::resize(TerminalSize size) {
  const winsize wanted = to_winsize(size);
  ::ioctl(screen_end_.get(), TIOCSWINSZ, &wanted);
}

}  // namespace quarterdeck::process
