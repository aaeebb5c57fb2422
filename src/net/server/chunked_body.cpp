#include "net/server/chunked_body.hpp"

#include <algorithm>

namespace quarterdeck::net {
namespace {

constexpr int kDigitsMax = 16;
constexpr std::size_t kOverheadBytesMax = 16 * 1024;

bool is_text(char c) { return static_cast<unsigned char>(c) >= 0x20 ? c != 0x7f : c == '\t'; }
bool is_name(char c) {
  return is_text(c) && std::string_view(" \t\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
}

}  // namespace

ChunkedBody::Status ChunkedBody::feed(std::string_view& bytes, std::string& body) {
  while (!bytes.empty()) {
    if (at_ == At::data) {
      const std::size_t taken = std::min(chunk_left_, bytes.size());
      body.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      chunk_left_ -= taken;
      if (chunk_left_ > 0) break;
      at_ = At::data_return;
      continue;
    }
    const bool fits = step(bytes.front());
    if (too_large_) return Status::too_large;
    if (!fits || overhead_bytes_ > kOverheadBytesMax) return Status::malformed;
    bytes.remove_prefix(1);
    if (complete_) return Status::complete;
  }
  return Status::more;
}

bool ChunkedBody::step(char c) {
  const auto go = [&](bool fits, At next) {
    at_ = next;
    return fits;
  };
  switch (at_) {
    case At::size:
      if (take_digit(c)) return true;
      if (digits_ == 0) return false;
      if (c == '\r') return go(true, At::size_line_feed);
      if (c == ';') return go(true, At::extension);
      return go(c == ' ' || c == '\t', At::size_space);
    case At::size_space:
      ++overhead_bytes_;
      if (c == ';') return go(true, At::extension);
      return c == ' ' || c == '\t';
    case At::extension:
      ++overhead_bytes_;
      if (c == '\r') return go(true, At::size_line_feed);
      return is_text(c);
    case At::size_line_feed: {
      digits_ = 0;
      body_left_ -= chunk_left_;
      return go(c == '\n', chunk_left_ == 0 ? At::trailer_start : At::data);
    }
    case At::data_return: return go(c == '\r', At::data_line_feed);
    case At::data_line_feed: return go(c == '\n', At::size);
    case At::trailer_start:
      if (c == '\r') return go(true, At::end_line_feed);
      ++overhead_bytes_;
      return go(is_name(c), At::trailer_name);
    case At::trailer_name:
      ++overhead_bytes_;
      if (c == ':') return go(true, At::trailer_value);
      return is_name(c);
    case At::trailer_value:
      ++overhead_bytes_;
      if (c == '\r') return go(true, At::trailer_line_feed);
      return is_text(c);
    case At::trailer_line_feed: return go(c == '\n', At::trailer_start);
    case At::end_line_feed: complete_ = c == '\n'; return complete_;
    case At::data: break;
  }
  return false;
}

bool ChunkedBody::take_digit(char c) {
  const char folded = static_cast<char>(c | 0x20);
  std::size_t value = 0;
  if (c >= '0' && c <= '9') {
    value = static_cast<std::size_t>(c - '0');
  } else if (folded >= 'a' && folded <= 'f') {
    value = static_cast<std::size_t>(folded - 'a') + 10;
  } else {
    return false;
  }
  if (++digits_ > kDigitsMax) return false;
  chunk_left_ = chunk_left_ * 16 + value;
  too_large_ = chunk_left_ > body_left_;
  return true;
}

}  // namespace quarterdeck::net
