// Sessions of all projects, page by page, in the shapes of OpenCode's v2 and experimental APIs.
#include <algorithm>

#include "api/opencode/routes.hpp"
#include "base/encoding.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/session.hpp"
#include "wire/session_v2.hpp"

namespace quarterdeck::api::opencode {
namespace {

constexpr std::int64_t kPageDefault = 50;
constexpr std::int64_t kGlobalPageDefault = 100;
constexpr std::int64_t kPageMax = 100'000;

// A place in the list: next to this session, on this side of it.
struct Anchor {
  std::string id;
  TimeMs time = 0;
  bool before = false;  // "previous": the page that ends here
};
using store::SessionOrder;

net::Response invalid(std::string_view message) {
  return tagged(400, "InvalidRequestError", fmt::format(R"("message":{},"kind":"Query")", wire::quoted(message)));
}

std::string cursor_of(const domain::Session& session, std::string_view direction, bool ascending) {
  wire::JsonObject cursor{
      {"anchor", wire::JsonObject{{"id", session.id.value}, {"time", session.updated}, {"direction", direction}}}};
  if (ascending) cursor["order"] = "asc";
  return base64url(wire::to_text(cursor));
}

struct ListingRoutes {
  Services& services;

  Task<Result<std::vector<domain::Session>>> load(store::SessionFilter filter) const {
    store::Query& query = services.engine.query;
    auto read = [&query, filter = std::move(filter)] { return query.sessions(filter); };
    co_return co_await blocking(services.engine.loop, services.engine.pool, read);
  }

  Task<net::Response> list(Call call) const {
    const net::Request& request = call.request;
    std::int64_t limit = kPageDefault;
    if (request.query_value("limit")) {
      const auto number = query_number(request, "limit");
      if (!number || *number < 1) co_return invalid("Expected an integer, got NaN\n  at [\"limit\"]");
      limit = std::min(*number, kPageMax);
    }
    bool ascending = request.query_value("order") == "asc";
    std::optional<Anchor> anchor;
    if (const auto text = request.query_value("cursor"); text && !text->empty()) {
      const auto bytes = base64_decode(*text);
      const auto cursor = bytes ? wire::parse(*bytes) : fail(ErrorCode::invalid, "bad cursor");
      const wire::Json* place = cursor ? wire::value_at(*cursor, "anchor") : nullptr;
      if (!place || wire::string_at(*place, "id").empty())
        co_return invalid("Expected a cursor of this list\n  at [\"cursor\"]");
      ascending = wire::string_at(*cursor, "order") == "asc";
      anchor = Anchor{wire::string_at(*place, "id"), wire::int_at(*place, "time"),
                      wire::string_at(*place, "direction") == "previous"};
    }
    store::SessionFilter filter;
    if (const auto search = request.query_value("search")) filter.search = *search;
    if (const auto project = request.query_value("project")) filter.project_id = std::string(*project);
    if (request.query_value("directory")) filter.directory = requested_directory(request, services.directory).string();
    filter.order = ascending ? SessionOrder::oldest : SessionOrder::newest;
    auto found = co_await page(std::move(filter), anchor, static_cast<std::size_t>(limit));
    if (!found) co_return error_response(found.error());
    wire::JsonArray data;
    for (const domain::Session& session : found->sessions) data.push_back(wire::session_v2(session));
    wire::JsonObject cursor;
    if (found->previous) cursor["previous"] = cursor_of(found->sessions.front(), "previous", ascending);
    if (found->next) cursor["next"] = cursor_of(found->sessions.back(), "next", ascending);
    co_return json(wire::to_text(wire::JsonObject{{"data", std::move(data)}, {"cursor", std::move(cursor)}}));
  }

  struct Page {
    std::vector<domain::Session> sessions;
    bool previous = false;  // whether there is more on this side
    bool next = false;
  };

  // A page costs what it holds, however many sessions there are.
  Task<Result<Page>> page(store::SessionFilter filter, std::optional<Anchor> anchor, std::size_t limit) const {
    const bool backwards = anchor && anchor->before;
    const auto turned = [](SessionOrder order) {
      return order == SessionOrder::oldest ? SessionOrder::newest : SessionOrder::oldest;
    };
    if (backwards) filter.order = turned(filter.order);
    if (anchor) filter.after = store::SessionCursor{anchor->time, SessionId{anchor->id}};
    filter.limit = static_cast<std::int64_t>(limit) + 1;
    Page page;
    CO_TRY(page.sessions, co_await load(filter));
    const bool more = page.sessions.size() > limit;
    if (more) page.sessions.resize(limit);
    bool behind = false;
    if (anchor && !page.sessions.empty()) {
      const domain::Session& first = page.sessions.front();
      filter.order = turned(filter.order);
      filter.after = store::SessionCursor{first.updated, first.id};
      filter.limit = 1;
      CO_TRY(const auto one, co_await load(filter));
      behind = !one.empty();
    }
    if (backwards) std::ranges::reverse(page.sessions);
    page.previous = backwards ? more : behind;
    page.next = backwards ? behind : more;
    co_return page;
  }

  Task<net::Response> active(Call) const {
    wire::JsonObject data;
    for (const auto& [id, status] : services.host.busy()) data[id.value] = wire::JsonObject{{"type", "running"}};
    co_return json(wire::to_text(wire::JsonObject{{"data", std::move(data)}}));
  }

  Task<net::Response> get(Call call) const {
    const SessionId id{call.param("sessionID")};
    const auto session = services.engine.query.session(id);
    if (!session && session.error().code == ErrorCode::not_found) {
      co_return tagged(
          404, "SessionNotFoundError",
          fmt::format(R"("sessionID":{},"message":{})", wire::quoted(id.value), wire::quoted(session.error().message)));
    }
    if (!session) co_return error_response(session.error());
    co_return json(wire::to_text(wire::JsonObject{{"data", wire::session_v2(*session)}}));
  }

  // Every project's sessions, each with its project.
  Task<net::Response> global(Call call) const {
    const net::Request& request = call.request;
    const auto roots = query_bool(request, "roots");
    if (!roots) co_return error_response(roots.error(), Where::query);
    const auto archived = query_bool(request, "archived");
    if (!archived) co_return error_response(archived.error(), Where::query);
    store::SessionFilter filter;
    filter.roots = *roots;
    filter.updated_since = query_number(request, "start");
    if (const auto search = request.query_value("search")) filter.search = *search;
    if (request.query_value("directory")) filter.directory = requested_directory(request, services.directory).string();
    const std::int64_t limit =
        std::clamp<std::int64_t>(query_number(request, "limit").value_or(kGlobalPageDefault), 0, kPageMax);
    filter.updated_before = query_number(request, "cursor");
    if (!archived->value_or(false)) filter.archived = false;
    filter.limit = limit + 1;
    auto sessions = co_await load(std::move(filter));
    if (!sessions) co_return error_response(sessions.error());
    const auto projects = services.engine.query.projects();
    if (!projects) co_return error_response(projects.error());
    const bool more = sessions->size() > static_cast<std::size_t>(limit);
    if (more) sessions->resize(static_cast<std::size_t>(limit));
    std::string out = "[";
    for (const domain::Session& session : *sessions) {
      if (out.size() > 1) out += ',';
      out += wire::encode_session(session);
      out.back() = ',';
      const auto project = std::ranges::find(*projects, session.project_id, &domain::Project::id);
      if (project == projects->end()) {
        out += R"("project":null})";
        continue;
      }
      out += fmt::format(R"("project":{{"id":{},"worktree":{}}}}})", wire::quoted(project->id),
                         wire::quoted(project->worktree));
    }
    net::Response response = json(out + ']');
    if (more && !sessions->empty())
      response.headers.push_back({"X-Next-Cursor", std::to_string(sessions->back().updated)});
    co_return response;
  }
};

}  // namespace

std::vector<Route> listing_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (ListingRoutes::*handler)(Call) const) {
    return [routes = ListingRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = ListingRoutes;
  const Query directory{"directory", "only sessions of this directory"};
  const Query search{"search", "part of the title, any case"};
  return {
      {"GET",
       "/api/session",
       "v2.session.list",
       "Sessions of all projects, a page at a time",
       bind(&R::list),
       "SessionPage",
       "",
       {directory,
        search,
        {"project", "only sessions of this project"},
        {"limit", "at most so many; default 50"},
        {"order", "by time of update; asc or desc (default)"},
        {"cursor", "from an earlier page"}}},
      {"GET", "/api/session/active", "v2.session.active", "Sessions that are not idle", bind(&R::active),
       "ActiveSessions"},
      {"GET", "/api/session/:sessionID", "v2.session.get", "One session", bind(&R::get), "SessionV2Data"},
      {"GET",
       "/experimental/session",
       "experimental.session.list",
       "Sessions of all projects, each with its project",
       bind(&R::global),
       "GlobalSessionList",
       "",
       {directory,
        search,
        {"roots", "true: only sessions without a parent"},
        {"start", "updated at or after, ms since the epoch"},
        {"cursor", "updated before, ms since the epoch: X-Next-Cursor of the last page"},
        {"limit", "at most so many; default 100"},
        {"archived", "true: archived ones too"}}},
  };
}

}  // namespace quarterdeck::api::opencode
