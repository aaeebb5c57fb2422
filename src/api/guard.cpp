#include "api/guard.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "api/call.hpp"
#include "api/scoped.hpp"
#include "base/encoding.hpp"

namespace quarterdeck::api {
namespace {

constexpr std::string_view kUnixPeer = "unix:";
constexpr std::string_view kBasic = "Basic ";
constexpr std::string_view kBearer = "Bearer ";

// Cut the port; "[::1]:4096" keeps its brackets.
std::string_view without_port(std::string_view host) {
  return host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
}

bool is_ipv4(std::string_view host) {
  return !host.empty() && std::ranges::count(host, '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_loopback_name(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
         (host.starts_with("127.") && is_ipv4(host));
}

// "http://localhost" with any port or none.
bool matches_any_port(std::string_view origin, std::string_view base) {
  if (!origin.starts_with(base)) return false;
  const std::string_view rest = origin.substr(base.size());
  return rest.empty() || (rest.starts_with(':') && rest.size() > 1 &&
                          rest.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

bool reads_only(std::string_view method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

// "application/json; charset=utf-8" is; "application/json-seq" is something else.
bool is_json(std::string_view type) {
  constexpr std::string_view kJson = "application/json";
  if (!type.starts_with(kJson)) return false;
  type.remove_prefix(kJson.size());
  return type.empty() || type.front() == ';' || type.front() == ' ';
}

bool is_event_stream(std::string_view path) { return path.ends_with("/event") || path == "/fleet/events"; }

// What a page opens without being able to send a header: WebSockets, EventSource.
bool cannot_send_headers(const net::Request& request) {
  return request.method == "GET" && (request.header("upgrade") || is_event_stream(request.path));
}

// For the connection to a terminal, which is what its ticket is good for: its route looks at it.
bool brings_terminal_ticket(const net::Request& request) {
  const bool connects = request.path.starts_with("/pty/") || request.path.starts_with("/api/pty/");
  return connects && request.path.ends_with("/connect") && request.method == "GET" && request.query_value("ticket");
}

// What goes without a credential: probes, which supervisors and load balancers ask, and the way to get one.
bool is_open(const net::Request& request) {
  if (request.method == "GET") {
    return request.path == "/healthz" || request.path == "/readyz" || request.path == "/sign-in";
  }
  return request.method == "POST" && request.path == "/fleet/sign-in";
}

bool is_own_page(std::string_view origin, const net::Request& request) {
  const std::string* host = request.header("host");
  return host && (origin == "http://" + *host || origin == "https://" + *host);
}

// A cookie comes along whether or not the page that asks is ours: pages of other ports are "the same site".
bool asked_by_own_page(const net::Request& request) {
  if (const std::string* origin = request.header("origin")) return is_own_page(*origin, request);
  const std::string* site = request.header("sec-fetch-site");
  return site && *site == "same-origin";
}

net::Response unauthorized(const net::Request& request) {
  net::Response response{.status = 401};
  response.headers.push_back({"WWW-Authenticate", "Basic realm=\"Secure Area\""});
  if (request.path.starts_with("/api/")) {
    response.headers.push_back({"Content-Type", "application/json"});
    response.body = std::string(R"({"_tag":"UnauthorizedError","message":"Authentication required"})");
  }
  return response;
}

access::Who make(access::Role role, std::string name) {
  return std::make_shared<const access::Principal>(
      access::Principal{.credential = name, .name = std::move(name), .role = role});
}

}  // namespace

std::string cookie_name(const net::Request& request) {
  const std::string* host = request.header("host");
  const std::size_t colon = host ? host->rfind(':') : std::string::npos;
  std::string port = colon == std::string::npos ? "" : host->substr(colon + 1);
  if (port.find_first_not_of("0123456789") != std::string::npos) port.clear();
  return "quarterdeck" + (port.empty() ? "" : "_" + port);
}

std::string_view cookie_value(const net::Request& request, std::string_view name) {
  const std::string* header = request.header("cookie");
  if (!header) return {};
  std::string_view rest = *header;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    std::string_view one = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
    if (one.starts_with(name) && one.substr(name.size()).starts_with('=')) return one.substr(name.size() + 1);
  }
  return {};
}

Guard::Guard(GuardOptions options, access::Access& access)
    : options_(std::move(options)),
      access_(access),
      nobody_(make(access::Role::viewer, "nobody")),
      ticket_holder_(make(access::Role::operator_, "ticket")) {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) == 0 && !options_.loopback) options_.hosts.emplace_back(name);
}

bool Guard::host_allowed(std::string_view host) const {
  const std::string_view name = without_port(host);
  if (is_loopback_name(name) || std::ranges::find(options_.hosts, name) != options_.hosts.end()) return true;
  // A name can be made to point here by whoever owns it; an address is what it is.
  return !options_.loopback && (is_ipv4(name) || name.starts_with('['));
}

bool Guard::origin_allowed(std::string_view origin, const net::Request& request) const {
  if (matches_any_port(origin, "http://localhost") || matches_any_port(origin, "http://127.0.0.1")) return true;
  if (origin == "https://opencode.ai" || (origin.starts_with("https://") && origin.ends_with(".opencode.ai")))
    return true;
  if (origin == "tauri://localhost" || origin == "http://tauri.localhost" || origin == "https://tauri.localhost" ||
      origin == "oc://renderer") {
    return true;
  }
  return std::ranges::find(options_.origins, origin) != options_.origins.end() || is_own_page(origin, request);
}

std::optional<net::Response> Guard::foreign(const net::Request& request) const {
  const std::string* origin = request.header("origin");
  if (origin) {
    if (origin_allowed(*origin, request)) return std::nullopt;
    return forbidden("Requests from the origin " + *origin +
                     " are not allowed; see --cors and \"server\": {\"cors\"} in the configuration");
  }
  const std::string* site = request.header("sec-fetch-site");
  if (!site || (*site != "cross-site" && *site != "same-site")) return std::nullopt;
  // A link to one of our pages may be anywhere; images, frames, forms and scripts of other pages have no business here.
  const std::string* mode = request.header("sec-fetch-mode");
  const std::string* what = request.header("sec-fetch-dest");
  if (request.method == "GET" && mode && *mode == "navigate" && what && *what == "document") return std::nullopt;
  return forbidden("Requests from pages of other sites are not allowed");
}

Admission Guard::authenticate(const net::Request& request) const {
  if (request.peer.starts_with(kUnixPeer)) {
    unsigned uid = 0;
    const char* first = request.peer.data() + kUnixPeer.size();
    std::from_chars(first, request.peer.data() + request.peer.size(), uid);
    if (auto who = access_.check_uid(uid)) return {.who = std::move(who)};
    return {.refused = forbidden("This socket answers only the user whose server it is")};
  }
  if (!access_.closed()) return {.who = access_.anybody()};
  if (brings_terminal_ticket(request)) return {.who = ticket_holder_};
  std::string basic;
  bool has_basic = false;
  const std::string* header = request.header("authorization");
  if (header && header->starts_with(kBearer)) {
    if (auto who = access_.check_token(std::string_view(*header).substr(kBearer.size())))
      return {.who = std::move(who)};
  } else if (header && header->starts_with(kBasic)) {
    has_basic = true;
    basic = base64_decode(std::string_view(*header).substr(kBasic.size())).value_or("");
  } else if (const auto given = request.query_value("auth_token"); given && cannot_send_headers(request)) {
    // As OpenCode's clients open terminals and streams; elsewhere an address is no place for a password.
    has_basic = true;
    basic = base64_decode(*given).value_or("");
  } else if (const auto ticket = request.query_value("ticket"); ticket && cannot_send_headers(request)) {
    if (auto who = access_.redeem(std::string(*ticket))) return {.who = std::move(who)};
  } else if (const auto cookie = cookie_value(request, cookie_name(request)); !cookie.empty()) {
    auto who = access_.check_token(cookie);
    if (who && (reads_only(request.method) && !request.header("upgrade"))) return {.who = std::move(who)};
    if (who && asked_by_own_page(request)) return {.who = std::move(who)};
  }
  if (has_basic) {
    // A token in the place of the password, for clients that know nothing else.
    const std::size_t colon = basic.find(':');
    const std::string_view secret = colon == basic.npos ? "" : std::string_view(basic).substr(colon + 1);
    if (auto who = secret.starts_with("qd_") ? access_.check_token(secret) : nullptr) return {.who = std::move(who)};
    auto checked = access_.check_password(request.peer, basic);
    if (auto* who = std::get_if<access::Who>(&checked)) return {.who = std::move(*who)};
    if (const int wait_s = std::get<access::Access::Refusal>(checked).wait_s) {
      net::Response later = json(
          R"({"name":"TooManyRequestsError","data":{"message":"Too many wrong passwords; try again later"}})", 429);
      later.headers.push_back({"Retry-After", std::to_string(wait_s)});
      return {.refused = std::move(later)};
    }
  }
  if (is_open(request)) return {.who = nobody_};
  return {.refused = unauthorized(request)};
}

Admission Guard::admit(const net::Request& request) const {
  const std::string* host = request.header("host");
  const bool by_socket = request.peer.starts_with(kUnixPeer);
  if (host && !by_socket && !host_allowed(*host)) {
    return {.refused = forbidden("This server does not answer to the host name " + *host +
                                 "; see \"server\": {\"hosts\"} in the configuration")};
  }
  const std::string* origin = request.header("origin");
  if (request.method == "OPTIONS" && origin && request.header("access-control-request-method")) {
    net::Response preflight{.status = 204};
    if (origin_allowed(*origin, request)) {
      preflight.headers.push_back({"Access-Control-Allow-Methods", "GET, HEAD, PUT, PATCH, POST, DELETE"});
      if (const std::string* wanted = request.header("access-control-request-headers")) {
        preflight.headers.push_back({"Access-Control-Allow-Headers", *wanted});
      }
      preflight.headers.push_back({"Access-Control-Max-Age", "86400"});
    }
    return {.refused = std::move(preflight)};
  }
  Admission admission = authenticate(request);
  if (admission.refused) return admission;
  if (auto refused = foreign(request)) {
    admission.refused = std::move(refused);
    return admission;
  }
  if (!request.body.empty() && !reads_only(request.method)) {
    const std::string* type = request.header("content-type");
    if (!type || !is_json(*type)) {
      admission.refused = json(
          R"({"name":"UnsupportedMediaTypeError","data":{"message":"Send bodies as Content-Type: application/json"}})",
          415);
    }
  }
  return admission;
}

void Guard::decorate(const net::Request& request, net::Response& response) const {
  response.headers.push_back({"Vary", "Origin"});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  const std::string* origin = request.header("origin");
  if (origin && origin_allowed(*origin, request)) {
    response.headers.push_back({"Access-Control-Allow-Origin", *origin});
  }
}

}  // namespace quarterdeck::api
