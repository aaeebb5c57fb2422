#include "net/websocket.hpp"

#include <algorithm>
#include <cctype>

#include "base/encoding.hpp"

namespace quarterdeck::net {
namespace {

constexpr std::size_t kKeyBytes = 16;

bool is_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// "keep-alive, Upgrade"
bool lists(const std::string* header, std::string_view token) {
  std::string_view rest = header ? std::string_view(*header) : std::string_view{};
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    std::string_view each = rest.substr(0, comma);
    while (each.starts_with(' ') || each.starts_with('\t')) each.remove_prefix(1);
    while (each.ends_with(' ') || each.ends_with('\t')) each.remove_suffix(1);
    if (is_ignoring_case(each, token)) return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

bool asks_for_websocket(const Request& request) {
  const std::string* version = request.header("sec-websocket-version");
  const std::string* key = request.header("sec-websocket-key");
  return request.method == "GET" && lists(request.header("upgrade"), "websocket") &&
         lists(request.header("connection"), "upgrade") && version && *version == "13" && key &&
         base64_decode(*key).value_or("").size() == kKeyBytes;
}

Response websocket_response(std::unique_ptr<Conversation> conversation) {
  return {.status = 101, .headers = {}, .body = std::move(conversation)};
}

}  // namespace quarterdeck::net
