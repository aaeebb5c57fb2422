#include "api/opencode/routes.hpp"
#include "base/log.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::opencode {
namespace {

constexpr std::size_t kLogBytesMax = 4096;

struct ServerRoutes {
  Services& services;

  Task<net::Response> health(Call) const {
    co_return json(fmt::format(R"({{"healthy":true,"version":{}}})", wire::quoted(services.engine.options.version)));
  }

  // The v2 form: clients take more members for another server.
  Task<net::Response> plain_health(Call) const { co_return json(R"({"healthy":true})"); }

  Task<net::Response> log(Call call) const {
    const auto entry = wire::parse(call.request.body);
    if (!entry) co_return error_response(entry.error());
    for (const std::string_view name : {"service", "level", "message"}) {
      if (!wire::value_at(*entry, name)) {
        co_return bad_request(fmt::format("Missing key\n  at [{}]", wire::quoted(name)), Where::payload);
      }
    }
    // A client's text: cut, and quoted so that it cannot forge a line of ours.
    const std::string line = wire::quoted(wire::string_at(*entry, "message").substr(0, kLogBytesMax));
    const std::string service = wire::quoted(wire::string_at(*entry, "service").substr(0, 100));
    const std::string level = wire::string_at(*entry, "level");
    if (level == "error") {
      log::error("client {}: {}", service, line);
    } else if (level == "warn") {
      log::warn("client {}: {}", service, line);
    } else {
      log::debug("client {}: {}", service, line);
    }
    co_return json("true");
  }
};

}  // namespace

std::vector<Route> server_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (ServerRoutes::*handler)(Call) const) {
    return [routes = ServerRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = ServerRoutes;
  return {
      {"GET", "/global/health", "global.health", "Is the server up, and which version", bind(&R::health), "Health"},
      {"GET", "/api/health", "v2.health", "Is the server up", bind(&R::plain_health), "PlainHealth"},
      {"POST", "/log", "app.log", "Write a line to the server's log", bind(&R::log), "Boolean", "LogEntry"},
  };
}

}  // namespace quarterdeck::api::opencode
