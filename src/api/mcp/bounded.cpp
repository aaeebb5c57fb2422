#include "api/mcp/bounded.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace quarterdeck::api::mcp {
namespace {

constexpr std::size_t kTextBytesMin = 256;
constexpr std::size_t kItemsMin = 4;

struct Limits {
  std::size_t text_bytes = 0;
  std::size_t items = 0;
};

// The length of the longest beginning of whole characters.
std::size_t whole_characters(std::string_view text, std::size_t bytes_max) {
  std::size_t end = std::min(text.size(), bytes_max);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

bool cut(wire::Json& value, const Limits& limits) {
  bool any = false;
  if (value.is_string()) {
    auto& text = value.get_string();
    if (text.size() <= limits.text_bytes) return false;
    const std::size_t kept = whole_characters(text, limits.text_bytes);
    const std::string note = fmt::format("… [{} bytes more]", text.size() - kept);
    text.resize(kept);
    text.append(note);
    return true;
  }
  if (value.is_array()) {
    auto& list = value.get_array();
    if (list.size() > limits.items) {
      list.resize(limits.items);
      any = true;
    }
    for (auto& each : list) any |= cut(each, limits);
  } else if (value.is_object()) {
    for (auto& member : value.get_object()) any |= cut(member.value(), limits);
  }
  return any;
}

}  // namespace

wire::JsonObject bounded(wire::JsonObject answer, std::size_t bytes_max) {
  const wire::Json whole(std::move(answer));
  wire::Json shown = whole;
  Limits limits{.text_bytes = bytes_max / 2, .items = 500};
  // What is still too large in the end has more members than any answer of ours.
  while (wire::to_text(shown).size() > bytes_max && (limits.text_bytes > kTextBytesMin || limits.items > kItemsMin)) {
    shown = whole;
    if (cut(shown, limits)) shown.get_object()["cut"] = true;
    limits.text_bytes = std::max(limits.text_bytes / 2, kTextBytesMin);
    limits.items = std::max(limits.items / 2, kItemsMin);
  }
  return std::move(shown.get_object());
}

}  // namespace quarterdeck::api::mcp
