#include "api/guard.hpp"

#include <algorithm>

#include "api/call.hpp"
#include "base/encoding.hpp"

namespace quarterdeck::api {
namespace {

bool is_loopback_name(std::string_view host) {
  // Cut the port; "[::1]:4096" keeps its brackets.
  if (host.starts_with('[')) {
    host = host.substr(0, host.find(']') + 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  return host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

// "http://localhost" with any port or none.
bool matches_any_port(std::string_view origin, std::string_view base) {
  if (!origin.starts_with(base)) return false;
  const std::string_view rest = origin.substr(base.size());
  return rest.empty() || (rest.starts_with(':') && rest.size() > 1 &&
                          rest.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

bool reads_only(std::string_view method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

bool equal_in_constant_time(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char differs = 0;  // volatile: nothing may end the loop early
  for (std::size_t i = 0; i < a.size(); ++i) differs = differs | static_cast<unsigned char>(a[i] ^ b[i]);
  return differs == 0;
}

// For the connection to a terminal, which is what a ticket is good for: its route looks at it.
bool brings_ticket(const net::Request& request) {
  const bool connects = request.path.starts_with("/pty/") || request.path.starts_with("/api/pty/");
  return connects && request.path.ends_with("/connect") && request.method == "GET" && request.query_value("ticket");
}

net::Response refused(std::string_view why) { return error_response({ErrorCode::denied, std::string(why), {}}); }

}  // namespace

bool Guard::origin_allowed(std::string_view origin, const net::Request& request) const {
  if (matches_any_port(origin, "http://localhost") || matches_any_port(origin, "http://127.0.0.1")) return true;
  if (origin == "https://opencode.ai" || (origin.starts_with("https://") && origin.ends_with(".opencode.ai")))
    return true;
  if (origin == "tauri://localhost" || origin == "http://tauri.localhost" || origin == "https://tauri.localhost" ||
      origin == "oc://renderer") {
    return true;
  }
  if (std::ranges::find(options_.origins, origin) != options_.origins.end()) return true;
  // Our own pages.
  const std::string* host = request.header("host");
  return host && (origin == "http://" + *host || origin == "https://" + *host);
}

bool Guard::authorized(const net::Request& request) const {
  const std::string* header = request.header("authorization");
  constexpr std::string_view scheme = "Basic ";
  std::string_view given;
  if (header && header->starts_with(scheme)) {
    given = std::string_view(*header).substr(scheme.size());
  } else if (const auto token = request.query_value("auth_token")) {
    given = *token;  // what a browser cannot send along otherwise: event streams, WebSockets, links
  }
  return equal_in_constant_time(base64_decode(given).value_or(""), options_.user + ":" + options_.password);
}

std::optional<net::Response> Guard::check(const net::Request& request) const {
  const std::string* host = request.header("host");
  if (options_.loopback && host && !is_loopback_name(*host)) {
    return refused("This server listens on loopback and does not answer to the host name " + *host);
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
    return preflight;
  }
  // Supervisors and load balancers ask without a password: they learn "ok" or which part is not.
  const bool probe = request.method == "GET" && (request.path == "/healthz" || request.path == "/readyz");
  if (!options_.password.empty() && !probe && !brings_ticket(request) && !authorized(request)) {
    net::Response response{.status = 401};
    response.headers.push_back({"WWW-Authenticate", "Basic realm=\"Secure Area\""});
    if (request.path.starts_with("/api/")) {
      response.headers.push_back({"Content-Type", "application/json"});
      response.body = std::string(R"({"_tag":"UnauthorizedError","message":"Authentication required"})");
    }
    return response;
  }
  // Browsers let any page open a WebSocket, and read what it says. MCP asks for the check of everything.
  if (!reads_only(request.method) || request.header("upgrade") || request.path == "/mcp") {
    if (origin && !origin_allowed(*origin, request)) {
      return refused("Requests from the origin " + *origin +
                     " are not allowed; see --cors and \"server\": {\"cors\"} in the configuration");
    }
    if (!request.body.empty()) {
      const std::string* type = request.header("content-type");
      if (!type || !type->starts_with("application/json")) {
        return json(
            R"({"name":"UnsupportedMediaTypeError","data":{"message":"Send bodies as Content-Type: application/json"}})",
            415);
      }
    }
  }
  return std::nullopt;
}

void Guard::decorate(const net::Request& request, net::Response& response) const {
  response.headers.push_back({"Vary", "Origin"});
  const std::string* origin = request.header("origin");
  if (origin && origin_allowed(*origin, request)) {
    response.headers.push_back({"Access-Control-Allow-Origin", *origin});
  }
}

}  // namespace quarterdeck::api
