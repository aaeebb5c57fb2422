// What happened in a session, for whoever supervises it.
#include <charconv>

#include "api/fleet/routes.hpp"
#include "fleet/digest.hpp"
#include "fleet/fleet.hpp"

namespace quarterdeck::api::fleet {
namespace {

using namespace quarterdeck::fleet;

Result<std::int64_t> number_in(const net::Request& request, std::string_view name, std::int64_t otherwise,
                               std::int64_t least, std::int64_t most) {
  const auto given = request.query_value(name);
  if (!given) return otherwise;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), number);
  if (error != std::errc() || end != given->data() + given->size() || number < least || number > most) {
    return fail(ErrorCode::invalid, "Expected a number from {} to {}\n  at [\"{}\"]", least, most, name);
  }
  return number;
}

struct DigestRoutes {
  Services& services;

  Task<net::Response> digest(Call call) const {
    const SessionId id{call.param("sessionID")};
    const auto since = number_in(call.request, "since", 0, 0, INT64_MAX);
    if (!since) co_return error_response(since.error(), Where::query);
    const auto tokens = number_in(call.request, "max_tokens", kDigestTokens, kDigestTokensMin, kDigestTokensMax);
    if (!tokens) co_return error_response(tokens.error(), Where::query);
    const auto row = services.fleet->row(id);
    if (!row) co_return error_response(row.error());
    const auto requests = services.fleet->requests_of(id);
    if (!requests) co_return error_response(requests.error());
    store::Query& query = services.engine.query;
    const store::Seq from = *since;
    auto read = [&query, id, from] { return read_story(query, id, from); };
    const auto story = co_await blocking(services.engine.loop, services.engine.pool, read);
    if (!story) co_return error_response(story.error());
    const DigestFrame frame{*row, *requests, from, *tokens};
    co_return json(digest_json(frame, *story));
  }

  Task<net::Response> evidence(Call call) const {
    const SessionId id{call.param("sessionID")};
    const auto row = services.fleet->row(id);
    if (!row) co_return error_response(row.error());
    store::Query& query = services.engine.query;
    auto read = [&query, id] { return read_story(query, id, 0); };
    const auto story = co_await blocking(services.engine.loop, services.engine.pool, read);
    if (!story) co_return error_response(story.error());
    co_return json(evidence_json(*row, *story));
  }
};

}  // namespace

std::vector<Route> digest_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (DigestRoutes::*handler)(Call) const) {
    return [routes = DigestRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = DigestRoutes;
  return {
      {"GET",
       "/fleet/session/:sessionID/digest",
       "fleet.session.digest",
       "What happened since a cursor, within so many tokens; made from events, without a model",
       bind(&R::digest),
       "Object",
       "",
       {{"since", "`cursor` of the digest before; everything otherwise"},
        {"max_tokens", "300 to 20000; 1500 by default"}}},
      {"GET", "/fleet/session/:sessionID/evidence", "fleet.session.evidence",
       "What the agent claims, beside the checks and commits that the server saw", bind(&R::evidence), "Object"},
  };
}

}  // namespace quarterdeck::api::fleet
