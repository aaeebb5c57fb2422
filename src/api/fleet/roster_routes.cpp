// The roster, and what the fleet knows of one session.
#include <charconv>

#include "access/access.hpp"
#include "api/fleet/routes.hpp"
#include "api/scoped.hpp"
#include "fleet/fleet.hpp"
#include "fleet/webhooks.hpp"
#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

using namespace domain;
using quarterdeck::fleet::RosterFilter;

std::string counts_json(const std::map<Attention::Group, std::size_t>& counts) {
  std::string out = "{";
  for (const auto& [group, count] : counts) {
    if (out.size() > 1) out += ',';
    out += fmt::format("\"{}\":{}", wire::group_name(group), count);
  }
  return out + '}';
}

template <class E>
Result<void> read_name(const net::Request& request, std::string_view name, std::optional<E> (*named)(std::string_view),
                       std::optional<E>& out) {
  const auto given = request.query_value(name);
  if (!given) return {};
  out = named(*given);
  if (!out) return fail(ErrorCode::invalid, "Unknown value {}\n  at [\"{}\"]", wire::quoted(*given), name);
  return {};
}

Result<RosterFilter> read_filter(const net::Request& request) {
  RosterFilter filter;
  TRY_VOID(read_name(request, "group", &wire::group_named, filter.group));
  TRY_VOID(read_name(request, "state", &wire::state_named, filter.state));
  TRY_VOID(read_name(request, "priority", &wire::priority_named, filter.priority));
  if (const auto value = request.query_value("project")) filter.project_id = *value;
  if (const auto value = request.query_value("directory")) filter.directory = *value;
  if (const auto value = request.query_value("label")) filter.label = *value;
  if (const auto value = request.query_value("owner")) filter.owner = *value;
  filter.search = request.query_value("search").value_or("");
  filter.cursor = request.query_value("cursor").value_or("");
  TRY(const auto archived, query_bool(request, "archived"));
  filter.archived = archived.value_or(false);
  if (const auto limit = request.query_value("limit")) {
    const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), filter.limit);
    if (error != std::errc() || end != limit->data() + limit->size() || filter.limit < 1 || filter.limit > 500) {
      return fail(ErrorCode::invalid, "Expected a number from 1 to 500\n  at [\"limit\"]");
    }
  }
  return filter;
}

struct RosterRoutes {
  Services& services;

  Task<net::Response> list(Call call) const {
    auto filter = read_filter(call.request);
    if (!filter) co_return error_response(filter.error(), Where::query);
    const bool bounded = call.who->scope.bounded();
    if (bounded) {
      filter->reaches = [this, who = call.who](const SessionId& session) {
        return Scoped(services, services.access->openers()).reaches(*who, session.value);
      };
    }
    const auto page = co_await services.fleet->roster(std::move(*filter));
    if (!page) co_return error_response(page.error(), Where::query);
    std::string rows;
    for (const RosterRow& row : page->rows) {
      if (!rows.empty()) rows += ',';
      rows += wire::encode_roster_row(row);
    }
    std::string notes;
    for (const std::string& note :
         services.webhooks && !bounded ? services.webhooks->notes() : std::vector<std::string>())
      notes += (notes.empty() ? ",\"notes\":[" : ",") + wire::quoted(note);
    if (!notes.empty()) notes += ']';
    co_return json(fmt::format(R"({{"sessions":[{}],"counts":{},"cursor":{}{}{}}})", rows, counts_json(page->counts),
                               page->seq, page->next.empty() ? "" : ",\"next\":" + wire::quoted(page->next), notes));
  }

  Task<net::Response> one(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto row = services.fleet->row(id);
    if (!row) co_return error_response(row.error());
    auto result = co_await services.fleet->result(id);
    if (!result) co_return error_response(result.error());
    row->result = std::move(*result);
    co_return json(wire::encode_roster_row(*row));
  }
};

}  // namespace

std::vector<Route> roster_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (RosterRoutes::*handler)(Call) const) {
    return [routes = RosterRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = RosterRoutes;
  return {
      {"GET",
       "/fleet/roster",
       "fleet.roster",
       "All sessions: what needs you first, then by priority, then longest waiting; quiet ones last",
       bind(&R::list),
       "FleetRoster",
       "",
       {{"group", "needs_you, with_supervisor, ready_for_review, working, queued or quiet"},
        {"state", "approve, answer, plan, login, budget, failed, stalled, ready, working, queued, idle, done…"},
        {"priority", "P0 to P3"},
        {"project", "Id of the project"},
        {"directory", "The session's directory"},
        {"label", "One of the session's labels"},
        {"owner", "Who supervises it"},
        {"search", "Part of the title"},
        {"archived", "true: archived ones too"},
        {"cursor", "`next` of the page before"},
        {"limit", "At most so many sessions, 1 to 500; 100 by default"}}},
      {"GET", "/fleet/session/:sessionID", "fleet.session.get", "What the fleet knows of a session", bind(&R::one),
       "FleetSession"},
  };
}

}  // namespace quarterdeck::api::fleet
