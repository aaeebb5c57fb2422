#include "tools/webfetch/reach.hpp"

#include <algorithm>

#include "wire/codec.hpp"

namespace quarterdeck::tools {
namespace {

struct WebSettings {
  std::vector<std::string> allow;
  bool proxy = false;
};
template <class Io>
void describe(Io& io, WebSettings& settings) {
  io.field_or("allow", settings.allow, {});
  io.field_or("proxy", settings.proxy, false);
}

struct Settings {
  std::optional<WebSettings> webfetch;
};
template <class Io>
void describe(Io& io, Settings& settings) {
  io.field("webfetch", settings.webfetch);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace

Result<Reach> Reach::from_settings(const domain::JsonText& settings) {
  auto decoded = wire::decode_text<Settings>(settings.text);
  if (!decoded) return fail(ErrorCode::invalid, "configuration, \"quarterdeck\": {}", decoded.error().message);
  Reach reach;
  const WebSettings web = std::move(decoded->webfetch).value_or(WebSettings{});
  reach.proxy_ = web.proxy;
  for (const std::string& entry : web.allow) {
    if (const auto network = net::parse_network(entry)) {
      reach.networks_.push_back(*network);
    } else if (entry.contains('/')) {
      return fail(ErrorCode::invalid,
                  "configuration, \"quarterdeck\".\"webfetch\".\"allow\": expected a host, host:port or network like "
                  "10.0.0.0/8, got \"{}\"",
                  entry);
    } else {
      reach.hosts_.push_back(lower(entry));
    }
  }
  return reach;
}

bool Reach::names(std::string_view host, std::string_view port) const {
  return std::ranges::any_of(hosts_, [&](const std::string& allowed) {
    return allowed == host || (allowed.size() == host.size() + 1 + port.size() && allowed.starts_with(host) &&
                               allowed[host.size()] == ':' && allowed.ends_with(port));
  });
}

void Reach::apply(net::ClientRequest& request) const {
  request.proxy = proxy_;
  const Authority to = authority_of(request.url);
  if (names(to.host, to.port)) return;
  // With a proxy, only a name or address written in the URL can be judged here; the rest is the proxy's.
  if (proxy_) {
    const auto literal = net::parse_address(to.host);
    const bool own =
        to.host == "localhost" || to.host.ends_with(".localhost") || (literal && !net::is_public(*literal));
    if (own) request.may_connect = [](const net::Address&) { return false; };
    return;
  }
  request.may_connect = [networks = networks_](const net::Address& address) {
    return net::is_public(address) ||
           std::ranges::any_of(networks, [&](const net::Network& network) { return network.contains(address); });
  };
}

Authority authority_of(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == url.npos) return {};
  const std::string scheme = lower(url.substr(0, scheme_end));
  std::string_view authority = url.substr(scheme_end + 3);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  if (const auto at = authority.rfind('@'); at != authority.npos) authority.remove_prefix(at + 1);
  Authority result{.port = scheme == "https" ? "443" : "80"};
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  if (colon != authority.npos && (bracket == authority.npos || colon > bracket)) {
    if (colon + 1 < authority.size()) result.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  result.host = lower(authority);
  return result;
}

std::string resolve_url(std::string_view url, std::string_view location) {
  if (location.contains("://") && location.find("://") < location.find_first_of("/?#")) return std::string(location);
  const auto scheme_end = url.find("://");
  if (location.starts_with("//")) return fmt::format("{}:{}", url.substr(0, scheme_end), location);
  const auto path = std::min(url.find_first_of("/?#", scheme_end + 3), url.size());
  if (location.starts_with('/')) return fmt::format("{}{}", url.substr(0, path), location);
  std::string_view base = url.substr(0, std::min(url.find('#'), url.size()));
  if (location.starts_with('#') || location.empty()) return fmt::format("{}{}", base, location);
  base = base.substr(0, std::min(base.find('?'), base.size()));
  if (location.starts_with('?')) return fmt::format("{}{}", base, location);
  const auto last = base.rfind('/');
  if (last == base.npos || last < path) return fmt::format("{}/{}", url.substr(0, path), location);
  return fmt::format("{}{}", base.substr(0, last + 1), location);
}

}  // namespace quarterdeck::tools
