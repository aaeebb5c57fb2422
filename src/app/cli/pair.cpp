#include "app/cli/pair.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "access/tokens.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"
#include "app/cli/qr_code.hpp"
#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::int64_t kLinkMs = 15 * 60'000;

struct Address {
  std::string scheme, host, port;
};

// "http://[::1]:4096".
Address parts_of(const std::string& url) {
  const std::size_t host = url.find("://") == url.npos ? 0 : url.find("://") + 3;
  std::size_t colon = url.rfind(':');
  if (colon == url.npos || colon < host || url.find(']', colon) != url.npos) colon = url.size();
  return {url.substr(0, host), url.substr(host, colon - host), url.substr(colon)};
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host == "::1" || host.starts_with("127.");
}
bool is_every_address(const std::string& host) { return host == "0.0.0.0" || host == "::" || host == "[::]"; }

// This machine's first IPv4 address that is not loopback.
std::string own_address() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> held(list, &::freeifaddrs);
  for (const ifaddrs* one = list; one; one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET) continue;
    if ((one->ifa_flags & IFF_UP) == 0 || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    char text[INET_ADDRSTRLEN] = {};
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text)) return text;
  }
  return {};
}

// Whether something listens there; our own machine says so at once.
bool answers(const std::string& host, const std::string& port) {
  std::uint16_t number = 80;
  if (port.size() > 1) std::from_chars(port.data() + 1, port.data() + port.size(), number);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(number), .sin_addr = {}, .sin_zero = {}};
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return false;
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket.valid() && ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Result<std::string> make_link(const Places& places, const std::string& url) {
  access::TokenWanted wanted{
      .name = "link", .role = access::Role::admin, .once = true, .lifetime_ms = kLinkMs, .created_by = "command line"};
  TRY(const auto made, access::create_token(places, std::move(wanted), system_clock().now_ms()));
  return fmt::format("{}/sign-in#{}", url, made.secret);
}

std::string pairing_text(const std::string& link, const Style& style) {
  const std::string code = style.unicode ? qr_code(link, style.colour) : "";
  return fmt::format("{}{}\n", code, link);
}

std::string reachable(const std::string& url) {
  const Address address = parts_of(url);
  if (!is_every_address(address.host) && !is_loopback(address.host)) return url;
  const std::string own = own_address();
  return own.empty() ? url : address.scheme + own + address.port;
}

bool is_shared(const std::string& host) { return !is_loopback(host); }

bool paired_before(const Places& places) {
  const auto tokens = access::list_tokens(places);
  return !tokens ||
         std::ranges::any_of(*tokens, [](const access::Token& token) { return token.browser || token.once; });
}

int pair(const TokenOptions& options) {
  const std::string& given = options.target.url;
  std::string url = given;
  if (is_loopback(parts_of(given).host)) {
    const std::string other = reachable(given);
    const Address address = parts_of(other);
    if (other != given && answers(address.host, address.port)) {
      url = other;
    } else {
      complain(
          "this link is for this machine only. For a phone the server has to listen beyond it "
          "(quarterdeck serve --hostname 0.0.0.0, with a credential), or name its address: --attach URL");
    }
  }
  const auto link = make_link(Places::from_environment(), url);
  if (!link) {
    complain(link.error().message);
    return kExitFailed;
  }
  complain(
      "Open this in the browser, or scan it with the phone: it signs that one in as admin, once, within 15 minutes.");
  return write_all(STDOUT_FILENO, pairing_text(*link, style_of(STDOUT_FILENO))) ? kExitOk : kExitFailed;
}

}  // namespace quarterdeck::app
