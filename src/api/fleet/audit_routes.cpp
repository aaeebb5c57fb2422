// What was done, by whom, through which route.
#include <charconv>

#include "access/audit.hpp"
#include "api/fleet/routes.hpp"
#include "base/async.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

constexpr std::int64_t kLimitMax = 1'000;

Result<std::optional<std::int64_t>> number_in(const net::Request& request, std::string_view name, std::int64_t least,
                                              std::int64_t most) {
  const auto given = request.query_value(name);
  if (!given) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), number);
  if (error != std::errc() || end != given->data() + given->size() || number < least || number > most)
    return fail(ErrorCode::invalid, "Expected a number from {} to {}\n  at [\"{}\"]", least, most, name);
  return number;
}

Result<access::AuditAsked> read(const net::Request& request) {
  access::AuditAsked asked;
  TRY(asked.before, number_in(request, "before", 1, INT64_MAX));
  TRY(const auto limit, number_in(request, "limit", 1, kLimitMax));
  asked.limit = static_cast<std::size_t>(limit.value_or(100));
  TRY(asked.since, number_in(request, "since", 0, INT64_MAX));
  TRY(asked.until, number_in(request, "until", 0, INT64_MAX));
  asked.who = request.query_value("who").value_or("");
  asked.operation = request.query_value("operation").value_or("");
  asked.session = request.query_value("session").value_or("");
  return asked;
}

struct AuditRoutes {
  Services& services;

  Task<net::Response> list(Call call) const {
    auto asked = read(call.request);
    if (!asked) co_return error_response(asked.error(), Where::query);
    const Places places = services.engine.places;
    const std::size_t limit = asked->limit;
    auto look = [places, asked = std::move(*asked)] { return access::read_audit(places, asked); };
    const auto rows = co_await blocking(services.engine.loop, services.engine.pool, look);
    if (!rows) co_return error_response(rows.error());
    std::string out;
    for (const std::string& row : *rows) out += (out.empty() ? "" : ",") + row;
    std::string next;
    if (rows->size() == limit) {
      if (const auto last = wire::parse(rows->back())) next = fmt::format(R"(,"next":{})", wire::int_at(*last, "seq"));
    }
    co_return json(fmt::format(R"({{"rows":[{}]{}}})", out, next));
  }

  Task<net::Response> verify(Call) const {
    const Places places = services.engine.places;
    auto look = [places] { return access::verify_audit(places); };
    const auto state = co_await blocking(services.engine.loop, services.engine.pool, look);
    if (!state) co_return error_response(state.error());
    co_return json(fmt::format(R"({{"holds":{},"rows":{},"first":{},"last":{},"hash":{}{}}})", state->problem.empty(),
                               state->rows, state->first, state->last, wire::quoted(state->hash),
                               state->problem.empty() ? "" : ",\"problem\":" + wire::quoted(state->problem)));
  }
};

}  // namespace

std::vector<Route> audit_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (AuditRoutes::*handler)(Call) const) {
    return [routes = AuditRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = AuditRoutes;
  return {
      {"GET",
       "/fleet/audit",
       "fleet.audit",
       "Who did what through which route, newest first",
       bind(&R::list),
       "Object",
       "",
       {{"before", "Rows with a smaller number: `next` of the page before"},
        {"limit", "1 to 1000, else 100"},
        {"who", "Of this principal"},
        {"operation", "This operation, or all that begin like it"},
        {"session", "About this session"},
        {"since", "Milliseconds since 1970"},
        {"until", "The same"}}},
      {"GET", "/fleet/audit/verify", "fleet.audit.verify", "Whether the chain of the audit's rows holds",
       bind(&R::verify), "Object"},
  };
}

}  // namespace quarterdeck::api::fleet
