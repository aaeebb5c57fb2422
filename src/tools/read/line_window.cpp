#include "tools/read/line_window.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.hpp"
#include "tools/text_file.hpp"
#include "wire/json.hpp"

namespace quarterdeck::tools {
namespace {

// Enough for kLineUnitsMax units of any script; the rest of a longer line is not kept.
constexpr std::size_t kLineBytesKept = 4 * kLineUnitsMax + 192;

class Collector {
 public:
  Collector(std::int64_t offset, std::int64_t limit) : offset_(offset), limit_(limit) {}

  // False when no more is wanted.
  bool feed(std::string_view bytes) {
    for (const char c : bytes) {
      const bool second_half = c == '\n' && after_return_;
      after_return_ = c == '\r';
      if (second_half) continue;
      if (c == '\n' || c == '\r') {
        if (!end_line()) return false;
      } else {
        started_ = true;
        if (line_.size() < kLineBytesKept) line_ += c;
      }
    }
    return true;
  }
  LineWindow finish() {
    if (started_ && !window_.capped) end_line();
    return std::move(window_);
  }

 private:
  bool end_line() {
    if (++window_.total == 1) strip_byte_order_mark(line_);
    const bool go_on = window_.total < offset_ || keep();
    line_.clear();
    started_ = false;
    return go_on;
  }
  bool keep() {
    if (std::ssize(window_.lines) >= limit_) {
      window_.more = true;
      return true;  // counting goes on
    }
    std::string text = wire::valid_utf8(line_);
    const auto shown = prefix_units(text, kLineUnitsMax);
    if (shown.size() < text.size()) text = fmt::format("{}... (line truncated to {} chars)", shown, kLineUnitsMax);
    const std::size_t size = text.size() + (window_.lines.empty() ? 0 : 1);
    if (bytes_ + size > kReadBytesMax) {
      window_.more = window_.capped = true;
      return false;
    }
    bytes_ += size;
    window_.lines.push_back(std::move(text));
    return true;
  }

  std::int64_t offset_, limit_;
  std::string line_;
  bool started_ = false;       // the current line has a character
  bool after_return_ = false;  // the last byte was "\r"
  std::size_t bytes_ = 0;
  LineWindow window_;
};

}  // namespace

std::string_view prefix_units(std::string_view text, std::size_t units) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t needed = byte >= 0xF0 ? 2 : 1;
    if (needed > units) break;
    units -= needed;
    at += byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
  }
  return text.substr(0, at);
}

std::expected<LineWindow, int> read_lines(const std::filesystem::path& file, std::int64_t offset, std::int64_t limit,
                                          std::stop_token stop) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::unexpected(errno);
  Collector collector(offset, limit);
  std::vector<char> buffer(256 * 1024);
  while (!stop.stop_requested()) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    if (got == 0 || !collector.feed({buffer.data(), static_cast<std::size_t>(got)})) break;
  }
  return collector.finish();
}

}  // namespace quarterdeck::tools
