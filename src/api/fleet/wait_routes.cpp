// Waiting for sessions to need somebody: a request that is answered when it is so, and a stream.
#include <algorithm>
#include <charconv>

#include "api/fleet/attention_stream.hpp"
#include "api/fleet/routes.hpp"
#include "fleet/fleet.hpp"
#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

constexpr std::int64_t kTimeoutMsMax = 25'000;
constexpr std::size_t kSessionsMax = 100;

struct Range {
  std::int64_t least = 0;
  std::int64_t most = 0;
};

Result<std::optional<std::int64_t>> number_in(const net::Request& request, std::string_view name, Range range) {
  const auto given = request.query_value(name);
  if (!given) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), number);
  if (error != std::errc() || end != given->data() + given->size() || number < range.least || number > range.most) {
    return fail(ErrorCode::invalid, "Expected a number from {} to {}\n  at [\"{}\"]", range.least, range.most, name);
  }
  return number;
}

Result<std::vector<SessionId>> sessions_in(std::string_view list) {
  std::vector<SessionId> out;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    SessionId id{std::string(list.substr(0, end))};
    list.remove_prefix(std::min(end + 1, list.size()));
    if (!has_prefix(id))
      return fail(ErrorCode::invalid, "Expected ids of sessions, got {}\n  at [\"sessions\"]", wire::quoted(id.value));
    if (std::ranges::find(out, id) == out.end()) out.push_back(std::move(id));
  }
  if (out.size() > kSessionsMax)
    return fail(ErrorCode::invalid, "Expected at most {} sessions\n  at [\"sessions\"]", kSessionsMax);
  return out;
}

struct WaitRoutes {
  Services& services;

  static Result<quarterdeck::fleet::Wait> read(const net::Request& request) {
    quarterdeck::fleet::Wait wait;
    TRY(wait.sessions, sessions_in(request.query_value("sessions").value_or("")));
    TRY(wait.after, number_in(request, "after", {0, INT64_MAX}));
    TRY(const auto timeout, number_in(request, "timeout_ms", {0, kTimeoutMsMax}));
    wait.timeout_ms = timeout.value_or(kTimeoutMsMax);
    return wait;
  }

  Task<net::Response> wait(Call call) const {
    auto asked = read(call.request);
    if (!asked) co_return error_response(asked.error(), Where::query);
    const auto found = co_await services.fleet->wait(std::move(*asked));
    if (!found) co_return error_response(found.error(), Where::query);
    std::string changes;
    for (const auto& change : found->changes) {
      if (!changes.empty()) changes += ',';
      changes += change_json(change);
    }
    std::string gone;
    for (const SessionId& id : found->gone) {
      if (!gone.empty()) gone += ',';
      gone += wire::quoted(id.value);
    }
    co_return json(fmt::format(R"({{"cursor":{},"changes":[{}],"gone":[{}]}})", found->cursor, changes, gone));
  }

  Task<net::Response> events(Call call) const {
    auto after = number_in(call.request, "after", {0, INT64_MAX});
    if (!after) co_return error_response(after.error(), Where::query);
    if (!*after) {
      if (const std::string* header = call.request.header("last-event-id")) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(header->data(), header->data() + header->size(), number);
        if (error == std::errc() && end == header->data() + header->size() && number >= 0) *after = number;
      }
    }
    const store::Seq from = after->value_or(services.fleet->board().last_seq());
    co_return net::Response{.headers = {{"Content-Type", "text/event-stream"},
                                        {"Cache-Control", "no-cache, no-transform"},
                                        {"X-Content-Type-Options", "nosniff"},
                                        {"X-Accel-Buffering", "no"}},
                            .body = std::make_unique<AttentionStream>(*services.fleet, from)};
  }
};

}  // namespace

std::vector<Route> wait_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (WaitRoutes::*handler)(Call) const) {
    return [routes = WaitRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = WaitRoutes;
  return {
      {"GET",
       "/fleet/wait",
       "fleet.wait",
       "Answered when one of the sessions has changed its attention after the cursor, or when the time is over",
       bind(&R::wait),
       "FleetWaited",
       "",
       {{"sessions", "Ids with commas between; all sessions otherwise"},
        {"after", "`cursor` of the answer before; absent: how they are now, at once"},
        {"timeout_ms", "At most 25000"}}},
      {"GET",
       "/fleet/events",
       "fleet.events",
       "Changes of attention as they happen; each session's newest since the cursor first",
       bind(&R::events),
       "EventStream",
       "",
       {{"after", "go on after this event id; Last-Event-ID says the same"}}},
  };
}

}  // namespace quarterdeck::api::fleet
