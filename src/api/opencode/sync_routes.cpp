// What OpenCode has for keeping several machines in step. The history of events is here; remote workspaces are not: who
// asks for one is told so, in the error that OpenCode documents for it.
#include <map>

#include "api/opencode/errors_v2.hpp"
#include "api/opencode/routes.hpp"
#include "feed/frames.hpp"
#include "session/instance.hpp"
#include "session/state.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "workspace/worktrees.hpp"

namespace quarterdeck::api::opencode {
namespace {

// One answer; who wants more asks again with what it knows then.
constexpr std::size_t kHistoryBytesMax = 8 * 1024 * 1024;
constexpr std::int64_t kPageEvents = 500;
constexpr std::size_t kNameWordsMax = 5;
constexpr std::string_view kNoWorkspaces =
    "This server has no remote workspaces: sessions live where it runs, and checkouts are made by "
    "/experimental/worktree";

using Known = std::map<std::string, std::int64_t>;  // by session: the last number that the client has

Result<Known> known_of(const std::string& body) {
  TRY(const auto parsed, wire::parse(body.empty() ? "{}" : body));
  if (!parsed.is_object()) return fail(ErrorCode::invalid, "Expected object");
  Known known;
  for (const auto& [name, value] : parsed.as_object()) {
    if (!value.is_int64() || value.as_int64() < 0) {
      return fail(ErrorCode::invalid, "Expected an integer of 0 or more\n  at [{}]", wire::quoted(std::string(name)));
    }
    known[std::string(name)] = value.as_int64();
  }
  return known;
}

// [{"id","aggregate_id","seq","type","data"}…], oldest first.
Result<std::string> history(store::Query& query, const Known& known) {
  std::string out = "[";
  store::Seq after = 0;
  for (;;) {
    TRY(const auto page, query.events_after(after, kPageEvents));
    for (const store::StoredEvent& event : page) {
      after = event.seq;
      if (!feed::has_sync_frame(event.type)) continue;
      const auto has = known.find(event.session.value);
      if (has != known.end() && event.session_seq <= has->second) continue;
      if (out.size() > 1) out += ',';
      out += fmt::format(R"({{"id":"{}","aggregate_id":{},"seq":{},"type":"{}.1","data":{}}})", event.id.value,
                         wire::quoted(event.session.value), event.session_seq, event.type, *event.properties);
    }
    if (page.empty() || out.size() > kHistoryBytesMax) return out + ']';
  }
}

net::Response named_error(std::string_view name, std::string_view message) {
  return json(fmt::format(R"({{"name":"{}","data":{{"message":{}}}}})", name, wire::quoted(message)), 400);
}

struct SyncRoutes {
  Services& services;

  Task<net::Response> events(Call call) const {
    auto known = known_of(call.request.body);
    if (!known) co_return bad_request(known.error().message, Where::payload);
    store::Query& query = services.engine.query;
    auto read = [&query, known = std::move(*known)] { return history(query, known); };
    auto found = co_await blocking(services.engine.loop, services.engine.pool, read);
    if (!found) co_return error_response(found.error());
    co_return json(std::move(*found));
  }

  Task<net::Response> dispose(Call) const {
    for (const auto& instance : services.engine.instances.loaded()) {
      services.engine.instances.dispose(instance->location.directory);
    }
    services.engine.feed.publish(
        feed::Notice{.directory = "global", .project_id = "global", .type = "global.disposed"});
    co_return json("true");
  }

  // A local session is nowhere else: back to "no workspace" changes nothing.
  Task<net::Response> warp(Call call) const {
    const auto body = wire::parse(call.request.body);
    if (!body || !body->is_object()) co_return bad_request("Expected object", Where::payload);
    const SessionId id{wire::string_at(*body, "sessionID")};
    if (!has_prefix(id))
      co_return bad_request("Expected a string starting with \"ses\"\n  at [\"sessionID\"]", Where::payload);
    const auto session = services.engine.query.session_json(id);
    if (!session) co_return error_response(session.error());
    const wire::Json* target = wire::value_at(*body, "id");
    if (!target) co_return bad_request("Missing key\n  at [\"id\"]", Where::payload);
    co_return target->is_null() ? no_content() : named_error("WorkspaceWarpError", kNoWorkspaces);
  }

  Task<net::Response> workspace(Call call) const {
    const auto body = wire::parse(call.request.body);
    const std::string type = body ? wire::string_at(*body, "type") : "";
    if (type.empty()) co_return bad_request("Missing key\n  at [\"type\"]", Where::payload);
    co_return named_error("WorkspaceCreateError", "Unknown workspace adapter: " + type);
  }

  // The first words that say something.
  Task<net::Response> generate_name(Call call) const {
    const auto body = wire::parse(call.request.body.empty() ? "{}" : std::string_view(call.request.body));
    if (!body || !body->is_object()) co_return bad_request("Expected object", Where::payload);
    const std::string all = workspace::worktree_name(wire::string_at(*body, "context"));
    std::string name;
    std::size_t words = 0;
    for (std::size_t at = 0; at < all.size() && words < kNameWordsMax;) {
      const std::size_t end = std::min(all.find('-', at), all.size());
      const std::string word = all.substr(at, end - at);
      at = end + 1;
      if (word == "a" || word == "an" || word == "the" || word == "to" || word == "of" || word == "please") continue;
      name += (name.empty() ? "" : "-") + word;
      ++words;
    }
    if (name.empty()) name = session::name_of(services.engine.ids.random());
    co_return json(fmt::format(R"({{"name":"{}"}})", name));
  }
};

template <class Answer>
auto always(Answer answer) {
  return [answer](Call) -> Task<net::Response> {
    return [](Answer make) -> Task<net::Response> { co_return make(); }(answer);
  };
}

}  // namespace

std::vector<Route> sync_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (SyncRoutes::*handler)(Call) const) {
    return [routes = SyncRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = SyncRoutes;
  const auto no_workspace = always([] { return invalid_request(kNoWorkspaces, "Params"); });
  const auto no_copy = always([] { return named_error("ProjectCopyError", kNoWorkspaces); });
  return {
      {"POST", "/sync/history", "sync.history.list", "Stored events after those that the client has", bind(&R::events),
       "ObjectList", "SyncKnown"},
      {"POST", "/sync/start", "sync.start", "There are no remote workspaces to follow: nothing to do",
       always([] { return json("true"); }), "Boolean"},
      {"POST", "/sync/replay", "sync.replay", "Refused: no remote workspaces", no_workspace, "Object"},
      {"POST", "/sync/steal", "sync.steal", "Refused: no remote workspaces", no_workspace, "Object"},
      {"POST", "/experimental/workspace", "experimental.workspace.create", "Refused: there are no adapters",
       bind(&R::workspace), "Object"},
      {"POST", "/experimental/workspace/sync-list", "experimental.workspace.syncList",
       "There are no adapters that could have one", always([] { return no_content(); }), "NoContent"},
      {"POST", "/experimental/workspace/warp", "experimental.workspace.warp", "Sessions are local and stay so",
       bind(&R::warp), "NoContent"},
      {"DELETE", "/experimental/workspace/:id", "experimental.workspace.remove", "Refused: there are none",
       no_workspace, "Object"},
      {"POST", "/experimental/control-plane/move-session", "experimental.controlPlane.moveSession",
       "Refused: a session stays in its directory",
       always([] { return named_error("MoveSessionError", "A session stays in its directory: fork it elsewhere"); }),
       "NoContent"},
      {"POST", "/experimental/project/:projectID/copy", "v2.projectCopy.create", "Refused: make a worktree", no_copy,
       "Object"},
      {"POST", "/experimental/project/:projectID/copy/refresh", "v2.projectCopy.refresh", "Refused: make a worktree",
       no_copy, "NoContent"},
      {"DELETE", "/experimental/project/:projectID/copy", "v2.projectCopy.remove", "Refused: make a worktree", no_copy,
       "NoContent"},
      {"POST", "/experimental/project/:projectID/copy/generate-name", "experimental.projectCopy.generateName",
       "A short name from a text", bind(&R::generate_name), "Object"},
      {"GET", "/experimental/console/orgs", "experimental.console.listOrgs", "Accounts of OpenCode's service: none",
       always([] { return json(R"({"orgs":[]})"); }), "Object"},
      {"POST", "/experimental/console/switch", "experimental.console.switchOrg", "Refused: there are no accounts",
       always([] { return invalid_request("This server has no accounts of OpenCode's service", "Params"); }),
       "Boolean"},
      {"POST", "/global/dispose", "global.dispose", "Forget all configurations; they are read again", bind(&R::dispose),
       "Boolean"},
      {"POST", "/global/upgrade", "global.upgrade", "The server is updated by whoever installed it",
       always([] { return json(R"({"success":false,"error":"This server is updated by whoever installed it"})"); }),
       "Object"},
  };
}

}  // namespace quarterdeck::api::opencode
