#include "api/opencode/routes.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/permission.hpp"

namespace quarterdeck::api::opencode {
namespace {

struct PermissionRoutes {
  Services& services;

  Task<net::Response> list(Call call) const {
    const auto directory = requested_directory(call.request, services.directory);
    auto open = services.engine.query.requests_json(directory.string());
    if (!open) co_return error_response(open.error());
    co_return json(std::move(*open));
  }

  Task<net::Response> reply(Call call) const {
    const PermissionId id{call.param("requestID")};
    if (!has_prefix(id)) {
      co_return bad_request(
          fmt::format("Expected a string starting with \"per\", got {}\n  at [\"requestID\"]", wire::quoted(id.value)),
          Where::params);
    }
    auto command = wire::decode_reply_permission(id, call.request.body);
    if (!command) co_return error_response(command.error());
    const auto replied = co_await services.host.reply(std::move(*command));
    if (replied) co_return json("true");
    if (replied.error().code != ErrorCode::not_found) co_return error_response(replied.error());
    co_return tagged(404, "PermissionNotFoundError",
                     fmt::format("\"requestID\":{},\"message\":{}", wire::quoted(id.value),
                                 wire::quoted("Permission request not found: " + id.value)));
  }
};

}  // namespace

std::vector<Route> permission_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (PermissionRoutes::*handler)(Call) const) {
    return [routes = PermissionRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = PermissionRoutes;
  return {
      {"GET", "/permission", "permission.list", "Open permission requests", bind(&R::list), "PermissionList"},
      {"POST", "/permission/:requestID/reply", "permission.reply", "Answer: once, always or reject", bind(&R::reply),
       "Boolean", "PermissionReply"},
      {"POST", "/session/:sessionID/permissions/:requestID", "permission.respond", "Answer, in the older form",
       bind(&R::reply), "Boolean", "PermissionResponse"},
  };
}

}  // namespace quarterdeck::api::opencode
