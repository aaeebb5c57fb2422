#include "api/idempotency.hpp"
#include "api/opencode/routes.hpp"
#include "session/instance.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/session.hpp"

namespace quarterdeck::api::opencode {
namespace {

constexpr std::int64_t kListDefault = 100;

// An id without its prefix is a malformed request; OpenCode answers 500 here, we say what is wrong.
Result<SessionId> session_id(const Call& call) {
  SessionId id{call.param("sessionID")};
  if (has_prefix(id)) return id;
  return fail(ErrorCode::invalid, "Expected a string starting with \"ses\", got \"{}\"\n  at [\"sessionID\"]",
              id.value);
}

struct SessionRoutes {
  Services& services;

  Task<net::Response> create(Call call) const {
    auto command = wire::decode_create_session(call.request.body.empty() ? "{}" : call.request.body);
    // OpenCode answers every wrong body here in this one way.
    if (!command)
      co_return tagged(400, "BadRequest", fmt::format("\"message\":{}", wire::quoted(command.error().message)));
    command->directory = requested_directory(call.request, services.directory).string();
    auto key = idempotency_key(call.request, "session");
    if (!key) co_return error_response(key.error());
    command->key = std::move(*key);
    const auto session = co_await services.host.create(std::move(*command));
    if (!session) co_return error_response(session.error());
    co_return json(wire::encode_session(*session));
  }

  Task<net::Response> list(Call call) const {
    const auto roots = query_bool(call.request, "roots");
    if (!roots) co_return error_response(roots.error(), Where::query);
    store::SessionFilter filter;
    filter.roots = *roots;
    filter.limit = query_number(call.request, "limit").value_or(kListDefault);
    if (filter.limit < 0) filter.limit = kListDefault;
    filter.updated_since = query_number(call.request, "start");
    if (const auto search = call.request.query_value("search"); search && !search->empty()) filter.search = *search;
    const auto path = call.request.query_value("path");
    const bool named = call.request.query_value("directory").has_value();
    const auto directory = requested_directory(call.request, services.directory);
    const auto scope = call.request.query_value("scope");
    if (path || !named || scope == "project") {
      const auto instance = co_await services.engine.instances.open(directory);
      filter.project_id = instance->location.project.id;
      if (path && !path->empty()) filter.path = std::string(*path);
    } else {
      filter.directory = directory.string();
    }
    auto rows = services.engine.query.sessions_json(filter);
    if (!rows) co_return error_response(rows.error());
    co_return json(std::move(*rows));
  }

  Task<net::Response> get(Call call) const {
    const auto id = session_id(call);
    if (!id) co_return error_response(id.error(), Where::params);
    auto text = services.engine.query.session_json(*id);
    if (!text) co_return error_response(text.error());
    co_return json(std::move(*text));
  }

  Task<net::Response> update(Call call) const {
    const auto id = session_id(call);
    if (!id) co_return error_response(id.error(), Where::params);
    auto command = wire::decode_update_session(call.request.body);
    if (!command) co_return error_response(command.error());
    const auto session = co_await services.host.update(*id, std::move(*command));
    if (!session) co_return error_response(session.error());
    co_return json(wire::encode_session(*session));
  }

  Task<net::Response> remove(Call call) const {
    const auto id = session_id(call);
    if (!id) co_return error_response(id.error(), Where::params);
    const auto removed = co_await services.host.remove(*id);
    if (!removed) co_return error_response(removed.error());
    co_return json("true");
  }

  Task<net::Response> children(Call call) const {
    const auto id = session_id(call);
    if (!id) co_return error_response(id.error(), Where::params);
    const auto known = services.engine.query.session_json(*id);
    if (!known) co_return error_response(known.error());
    auto rows = services.engine.query.children_json(*id);
    if (!rows) co_return error_response(rows.error());
    co_return json(std::move(*rows));
  }

  Task<net::Response> todo(Call call) const {
    const auto id = session_id(call);
    if (!id) co_return error_response(id.error(), Where::params);
    const auto known = services.engine.query.session_json(*id);
    if (!known) co_return error_response(known.error());
    auto todos = services.engine.query.todos_json(*id);
    if (!todos) co_return error_response(todos.error());
    co_return json(std::move(*todos));
  }

  Task<net::Response> abort(Call call) const {
    const SessionId id{call.param("sessionID")};
    services.host.abort(id);
    net::Response response = json("true");
    // What waits is not dropped: it runs next. /fleet/session/:id/queue names and withdraws it.
    if (const auto waiting = services.host.waiting(id); !waiting.empty()) {
      response.headers.push_back({"X-Quarterdeck-Queued", std::to_string(waiting.size())});
    }
    co_return response;
  }

  Task<net::Response> status(Call) const {
    std::string out = "{";
    for (const auto& [id, status] : services.host.busy()) {
      if (out.size() > 1) out += ',';
      out += wire::quoted(id.value) + ':' + wire::encode_status(status);
    }
    co_return json(out + '}');
  }
};

}  // namespace

std::vector<Route> session_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (SessionRoutes::*handler)(Call) const) {
    return [routes = SessionRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = SessionRoutes;
  const Query directory{"directory", "Working directory; x-opencode-directory says the same"};
  return {
      {"POST",
       "/session",
       "session.create",
       "Open a session",
       bind(&R::create),
       "Session",
       "CreateSession",
       {directory}},
      {"GET",
       "/session",
       "session.list",
       "Sessions, newest first",
       bind(&R::list),
       "SessionList",
       "",
       {directory,
        {"roots", "true: only sessions without a parent"},
        {"limit", "at most so many; default 100"},
        {"start", "updated at or after, ms since the epoch"},
        {"search", "part of the title, any case"},
        {"path", "relative to the project's worktree"},
        {"scope", "project: all directories of the project"}}},
      {"GET", "/session/status", "session.status", "Sessions that are not idle", bind(&R::status), "SessionStatusMap"},
      {"GET", "/session/:sessionID", "session.get", "One session", bind(&R::get), "Session"},
      {"PATCH", "/session/:sessionID", "session.update", "Rename, archive, add permission rules", bind(&R::update),
       "Session", "UpdateSession"},
      {"DELETE", "/session/:sessionID", "session.delete", "Delete a session and its children", bind(&R::remove),
       "Boolean"},
      {"GET", "/session/:sessionID/children", "session.children", "Child sessions", bind(&R::children), "SessionList"},
      {"GET", "/session/:sessionID/todo", "session.todo", "The agent's todo list", bind(&R::todo), "TodoList"},
      {"POST", "/session/:sessionID/abort", "session.abort", "Stop the running turn", bind(&R::abort), "Boolean"},
  };
}

}  // namespace quarterdeck::api::opencode
