#include "wire/codec.hpp"

namespace quarterdeck::wire {
namespace {

constexpr std::size_t kShownBytesMax = 200;

Error invalid(std::string message, const Path& at) {
  std::string path = at.text();
  if (!path.empty()) message += "\n  at " + path;
  return {ErrorCode::invalid, std::move(message), std::move(path)};
}

}  // namespace

std::string Path::text() const {
  if (parent == nullptr) return {};
  std::string out = parent->text();
  out += '[';
  if (index >= 0) {
    out += std::to_string(index);
  } else {
    append_quoted(out, key);
  }
  return out + ']';
}

void Problem::missing(const Path& at) {
  if (!error_) error_ = invalid("Missing key", at);
}

void Problem::expected(std::string_view what, const Json& got, const Path& at) {
  if (error_) return;
  std::string shown = to_text(got);
  if (shown.size() > kShownBytesMax) shown = valid_utf8(shown.substr(0, kShownBytesMax)) + "…";
  error_ = invalid(fmt::format("Expected {}, got {}", what, shown), at);
}

void Problem::custom(std::string message, const Path& at) {
  if (!error_) error_ = invalid(std::move(message), at);
}

}  // namespace quarterdeck::wire
