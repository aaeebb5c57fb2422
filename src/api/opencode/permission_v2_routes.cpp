// Permissions in the shapes of OpenCode's v2 API: what waits for an answer, and what was allowed "always".
#include <algorithm>

#include "api/opencode/errors_v2.hpp"
#include "api/opencode/location.hpp"
#include "api/opencode/routes.hpp"
#include "session/instance.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/permission.hpp"
#include "wire/session_v2.hpp"

namespace quarterdeck::api::opencode {
namespace {

using wire::JsonArray;
using wire::JsonObject;

net::Response request_not_found(const PermissionId& id) {
  return tagged(404, "PermissionNotFoundError",
                fmt::format(R"("requestID":{},"message":{})", wire::quoted(id.value),
                            wire::quoted("Permission request not found: " + id.value)));
}

struct PermissionV2Routes {
  Services& services;

  JsonArray shown(const std::vector<domain::PermissionRequest>& requests) const {
    JsonArray out;
    for (const auto& request : requests) out.push_back(wire::permission_v2(request));
    return out;
  }

  Task<net::Response> of_location(Call call) const {
    const auto directory = requested_directory(call.request, services.directory);
    const auto instance = co_await services.engine.instances.open(directory);
    const auto open = services.engine.query.requests_json(directory.string());
    if (!open) co_return error_response(open.error());
    const auto listed = wire::parse(*open);
    if (!listed) co_return error_response(listed.error());
    JsonArray out;
    for (const wire::Json& each : listed->as_array()) {
      const auto request = wire::decode_permission_request(wire::to_text(each));
      if (!request) co_return error_response(request.error());
      out.push_back(wire::permission_v2(*request));
    }
    co_return json(located(instance->location, wire::to_text(out)));
  }

  Task<net::Response> of_session(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    const auto open = services.engine.query.open_requests(id);
    if (!open) co_return error_response(open.error());
    co_return json(wire::to_text(JsonObject{{"data", shown(*open)}}));
  }

  // The session's open request that the path names.
  Result<std::optional<domain::PermissionRequest>> open_request(const SessionId& session,
                                                                const PermissionId& id) const {
    TRY(const auto open, services.engine.query.open_requests(session));
    const auto found = std::ranges::find(open, id, &domain::PermissionRequest::id);
    if (found == open.end()) return std::nullopt;
    return *found;
  }

  Task<net::Response> get(Call call) const {
    const SessionId session{call.param("sessionID")};
    const PermissionId id{call.param("requestID")};
    if (auto response = no_session_v2(services.engine.query, session)) co_return std::move(*response);
    const auto request = open_request(session, id);
    if (!request) co_return error_response(request.error());
    if (!*request) co_return request_not_found(id);
    co_return json(wire::to_text(JsonObject{{"data", wire::permission_v2(**request)}}));
  }

  Task<net::Response> reply(Call call) const {
    const SessionId session{call.param("sessionID")};
    const PermissionId id{call.param("requestID")};
    auto command = wire::decode_reply_permission(id, call.request.body);
    if (!command) co_return invalid_request(command.error().message, "Payload");
    if (auto response = no_session_v2(services.engine.query, session)) co_return std::move(*response);
    const auto request = open_request(session, id);
    if (!request) co_return error_response(request.error());
    if (!*request) co_return request_not_found(id);
    const auto replied = co_await services.host.reply(std::move(*command));
    if (replied) co_return no_content();
    co_return replied.error().code == ErrorCode::not_found ? request_not_found(id) : error_v2(replied.error());
  }

  Task<net::Response> create(Call call) const {
    const SessionId session{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, session)) co_return std::move(*response);
    co_return invalid_request(
        "Requests come from tool calls: a client cannot put one before the people who answer them", "Payload");
  }

  Task<net::Response> saved(Call call) const {
    std::optional<std::string> project;
    if (const auto named = call.request.query_value("projectID"); named && !named->empty()) project = *named;
    const auto rules = services.engine.query.saved_rules(project);
    if (!rules) co_return error_response(rules.error());
    JsonArray data;
    for (const auto& row : *rules) {
      data.push_back(JsonObject{{"id", row.rule.id},
                                {"projectID", row.project_id},
                                {"action", row.rule.permission},
                                {"resource", row.rule.pattern}});
    }
    co_return json(wire::to_text(JsonObject{{"data", std::move(data)}}));
  }

  Task<net::Response> forget(Call call) const {
    const auto removed = co_await services.engine.store.remove_saved_rule(call.param("id"));
    if (!removed) co_return error_response(removed.error());
    co_return no_content();
  }
};

}  // namespace

std::vector<Route> permission_v2_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (PermissionV2Routes::*handler)(Call) const) {
    return [routes = PermissionV2Routes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = PermissionV2Routes;
  return {
      {"GET",
       "/api/permission/request",
       "v2.permission.request.list",
       "Requests that wait, of one directory",
       bind(&R::of_location),
       "LocatedList",
       "",
       {{"directory", "whose"}}},
      {"GET",
       "/api/permission/saved",
       "v2.permission.saved.list",
       "What was allowed \"always\"",
       bind(&R::saved),
       "SavedPermissions",
       "",
       {{"projectID", "only of this project"}}},
      {"DELETE", "/api/permission/saved/:id", "v2.permission.saved.remove", "Ask again the next time", bind(&R::forget),
       "NoContent"},
      {"GET", "/api/session/:sessionID/permission", "v2.session.permission.list", "Requests that wait, of one session",
       bind(&R::of_session), "PermissionV2List"},
      {"POST", "/api/session/:sessionID/permission", "v2.session.permission.create",
       "Refused: tools ask, clients answer", bind(&R::create), "Object"},
      {"GET", "/api/session/:sessionID/permission/:requestID", "v2.session.permission.get", "One of them",
       bind(&R::get), "PermissionV2Data"},
      {"POST", "/api/session/:sessionID/permission/:requestID/reply", "v2.session.permission.reply",
       "Answer: once, always or reject", bind(&R::reply), "NoContent", "PermissionReply"},
  };
}

}  // namespace quarterdeck::api::opencode
