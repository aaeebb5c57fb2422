#include "tools/bash/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "tools/truncate.hpp"
#include "wire/json.hpp"

namespace quarterdeck::tools::bash {
namespace {

// Holds 51,200 bytes and 30,000 characters of any kind.
constexpr std::size_t kTailBytes = 192 * 1024;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

// Without the beginning of a character whose rest has not come yet.
std::string_view whole_characters(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    const std::size_t length = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return length > back ? text.substr(0, text.size() - back) : text;
  }
  return text;
}

Result<void> append_to(const std::filesystem::path& file, std::string_view bytes, bool create) {
  if (create) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
  }
  const UniqueFd out(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0), 0600));
  if (!out.valid()) return fail(ErrorCode::unavailable, "cannot open {}: {}", file.string(), std::strerror(errno));
  while (!bytes.empty()) {
    const auto count = ::write(out.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(ErrorCode::unavailable, "cannot write {}: {}", file.string(), std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

std::string_view cut_tail(std::string_view text, std::size_t lines_max, std::size_t bytes_max) {
  std::size_t begin = text.size();
  for (std::size_t lines = 0; lines < lines_max; ++lines) {
    if (lines > 0 && begin == 0) break;  // all of it
    const std::size_t line_end = lines == 0 ? text.size() : begin - 1;
    const auto line_feed = line_end == 0 ? std::string_view::npos : text.rfind('\n', line_end - 1);
    const std::size_t line_begin = line_feed == std::string_view::npos ? 0 : line_feed + 1;
    if (text.size() - line_begin > bytes_max) {
      if (lines > 0) break;
      begin = text.size() - bytes_max;
      while (begin < text.size() && continues_character(text[begin])) ++begin;
      break;
    }
    begin = line_begin;
  }
  return text.substr(begin);
}

std::string preview(std::string_view text) {
  std::size_t units = 0;
  for (std::size_t begin = text.size(); begin > 0;) {
    std::size_t at = begin - 1;
    while (at > 0 && continues_character(text[at])) --at;
    units += static_cast<unsigned char>(text[at]) >= 0xF0U ? 2 : 1;
    if (units > kPreviewUnits) return "...\n\n" + std::string(text.substr(begin));
    begin = at;
  }
  return std::string(text);
}

void Output::append(std::string_view bytes) {
  bytes_ += bytes.size();
  line_feeds_ += static_cast<std::size_t>(std::ranges::count(bytes, '\n'));
  const bool was_spooling = file_.has_value();
  tail_ += bytes;
  if (too_long()) spool(was_spooling ? bytes : std::string_view(tail_));
  // Seldom, so that moving the tail does not cost more than receiving it.
  if (tail_.size() > 4 * kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
}

bool Output::too_long() const { return bytes_ > kOutputBytesMax || line_feeds_ + 1 > kOutputLinesMax; }

void Output::spool(std::string_view bytes) {
  if (!file_) file_ = context_.output_dir / context_.ids.other("tool");
  if (spooled_ > kFileBytesMax) return;
  const auto room = kFileBytesMax - spooled_;
  pending_ += bytes.substr(0, room);
  spooled_ += bytes.size();
  if (bytes.size() > room) pending_ += "\n[the rest is not kept: the limit of a saved output is 64 MB]\n";
  if (writers_.running() == 0) writers_.spawn(write_pending());
}

Task<void> Output::write_pending() {
  while (!pending_.empty()) {
    const auto write = [file = *file_, bytes = std::exchange(pending_, {}), create = !std::exchange(created_, true)] {
      return append_to(file, bytes, create);
    };
    const auto written = co_await blocking(context_.loop, context_.pool, write);
    if (!written) {
      log::warn("a command's full output is lost: {}", written.error().message);
      spooled_ = kFileBytesMax + 1;
      pending_.clear();
    }
  }
}

// All of the output, or of a long one its last part.
std::string Output::tail_text() const {
  std::string_view text = tail_;
  if (bytes_ > tail_.size()) {
    while (!text.empty() && continues_character(text[0])) text.remove_prefix(1);
  } else if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  if (text.size() > kTailBytes) {
    text.remove_prefix(text.size() - kTailBytes);
    while (!text.empty() && continues_character(text[0])) text.remove_prefix(1);
  }
  return wire::valid_utf8(text);
}

std::string Output::shown() const {
  std::string text = tail_text();
  // A character that is still on its way has become U+FFFD at the end: better without.
  if (const auto whole = whole_characters(tail_); whole.size() < tail_.size()) {
    for (auto cut = tail_.size() - whole.size(); cut > 0 && text.ends_with("\xEF\xBF\xBD"); --cut)
      text.resize(text.size() - 3);
  }
  return preview(text);
}

Task<Output::Final> Output::finish() {
  Final done;
  std::string text = tail_text();
  if (!file_ && text.size() > kOutputBytesMax) spool(tail_);  // U+FFFD is longer than what it stands for
  co_await writers_.join();
  if (!file_) {
    done.text = std::move(text);
    co_return done;
  }
  done.file = file_;
  done.text = fmt::format("...output truncated...\n\nFull output saved to: {}\n\n{}", file_->string(),
                          cut_tail(text, kOutputLinesMax, kOutputBytesMax));
  co_return done;
}

}  // namespace quarterdeck::tools::bash
