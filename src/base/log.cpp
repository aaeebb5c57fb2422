#include "base/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>
#include <optional>

#include "base/flight_ring.hpp"
#include "base/log_file.hpp"
#include "base/metrics.hpp"
#include "base/redact.hpp"

namespace quarterdeck::log {
namespace {

// A record is cut here; a writer that is stuck behind a full pipe is never waited for, and what is this short goes into
// a pipe whole or not at all.
constexpr std::size_t kRecordBytesMax = 3900;
constexpr std::size_t kTextBytesMax = 64 * 1024;

std::atomic<Level> current_level{Level::info};
std::atomic<Format> current_format{Format::text};

struct Sinks {
  std::mutex mutex;
  std::optional<LogFile> file;
};
Sinks& sinks() {
  static auto* one = new Sinks;
  return *one;
}

metrics::Family<metrics::Counter>& lines() {
  static auto* one = new metrics::Family<metrics::Counter>("quarterdeck_log_records_total", "Log records by level");
  return *one;
}

std::string_view label(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
    case Level::off: break;
  }
  return "";
}

std::string timestamp() {
  using namespace std::chrono;
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, ms);
}

// Bytes of the UTF-8 sequence at the start of `text`; 0 when it is none. Good enough for logs: lengths, not ranges.
std::size_t sequence_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first >= 0xF5 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  }
  return length;
}

// One line, whatever is in it: control characters cannot forge a record.
std::string one_line(std::string_view text, Format format) {
  std::string out;
  out.reserve(text.size() + 16);
  for (std::size_t i = 0; i < text.size() && out.size() < kRecordBytesMax;) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) {
      const std::size_t length = sequence_length(text.substr(i));
      out += length > 0 ? text.substr(i, length) : std::string_view("\xEF\xBF\xBD");
      i += std::max<std::size_t>(length, 1);
      continue;
    }
    if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    } else {
      if (format == Format::json && (c == '"' || c == '\\')) out += '\\';
      out += static_cast<char>(c);
    }
    ++i;
  }
  return out;
}

void to_stderr(std::string_view record) {
  pollfd ready{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)) return metrics::limit_hit("log_stderr_blocked");
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, record.data(), record.size());
}

}  // namespace

void set_level(Level level) { current_level = level; }
void set_format(Format format) { current_format = format; }
bool enabled(Level level) { return level >= current_level.load(std::memory_order_relaxed); }

bool to_directory(const std::filesystem::path& directory) {
  auto file = LogFile::open({.path = directory / "quarterdeck.log"});
  if (!file) return false;
  const std::lock_guard lock(sinks().mutex);
  sinks().file = std::move(*file);
  return true;
}

void write(Level level, std::string_view text) {
  // Cut after it is clean: half a secret is not recognised.
  std::string clean = redact(text.substr(0, kTextBytesMax));
  remember("log", clean);
  lines().with(metrics::label("level", label(level))).add();
  const Format format = current_format.load(std::memory_order_relaxed);
  clean = one_line(clean, format);
  const std::string record =
      format == Format::json
          ? fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",\"message\":\"{}\"}}\n", timestamp(), label(level), clean)
          : fmt::format("{} {:<5} {}\n", timestamp(), label(level), clean);
  to_stderr(record);
  const std::lock_guard lock(sinks().mutex);
  if (sinks().file) sinks().file->write(record);
}

}  // namespace quarterdeck::log
