#include "lsp/framing.hpp"

#include <algorithm>
#include <charconv>

namespace quarterdeck::lsp {
namespace {

constexpr std::string_view kLength = "content-length";
constexpr std::string_view kEnd = "\r\n\r\n";

bool same_letters(std::string_view text, std::string_view lower) {
  const auto to_lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(text, lower, {}, to_lower);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string framed(std::string_view json) { return fmt::format("Content-Length: {}\r\n\r\n{}", json.size(), json); }

Result<std::size_t> Unframer::length_of(std::string_view head) const {
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end == head.npos ? head.size() : end + 2);
    const auto colon = line.find(':');
    if (colon == line.npos || !same_letters(line.substr(0, colon), kLength)) continue;
    const std::string_view digits = trimmed(line.substr(colon + 1));
    std::size_t length = 0;
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || rest != digits.data() + digits.size() || length == 0) break;
    if (length > kBodyBytesMax) return fail(ErrorCode::invalid, "a message of {} bytes is too long", length);
    return length;
  }
  return fail(ErrorCode::invalid, "a message without a length");
}

Result<void> Unframer::add(std::string_view bytes, const std::function<void(std::string_view)>& message) {
  buffer_ += bytes;
  std::size_t at = 0;
  for (;;) {
    const std::string_view rest = std::string_view(buffer_).substr(at);
    if (wanted_ == 0) {
      const auto end = rest.find(kEnd);
      if (end > kHeadBytesMax && rest.size() > kHeadBytesMax) {
        return fail(ErrorCode::invalid, "what it writes is no message of the Language Server Protocol");
      }
      if (end == rest.npos) break;
      TRY(wanted_, length_of(rest.substr(0, end)));
      at += end + kEnd.size();
    } else {
      if (rest.size() < wanted_) break;
      message(rest.substr(0, wanted_));
      at += std::exchange(wanted_, 0);
    }
  }
  buffer_.erase(0, at);
  return {};
}

}  // namespace quarterdeck::lsp
