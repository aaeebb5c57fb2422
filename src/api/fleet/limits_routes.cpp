// What runs at a time, and who waits for what.
#include "api/fleet/routes.hpp"
#include "fleet/fleet.hpp"
#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

using quarterdeck::fleet::SlotLimits;
using quarterdeck::fleet::SlotQueue;

// Counts of one kind, by name: {"anthropic": 3}.
std::string running_json(const SlotQueue& queue, std::string_view kind) {
  std::string out = "{";
  const std::string prefix = std::string(kind) + ' ';
  for (const auto& [name, count] : queue.running()) {
    if (!name.starts_with(prefix)) continue;
    if (out.size() > 1) out += ',';
    out += fmt::format("{}:{}", wire::quoted(std::string_view(name).substr(prefix.size())), count);
  }
  return out + '}';
}

std::string number_or_null(std::size_t number) {
  return number < SlotLimits::kNone ? std::to_string(number) : std::string("null");
}

std::string limits_json(const SlotLimits& limits) {
  std::string named;
  for (const auto& [name, most] : limits.named) {
    if (!named.empty()) named += ',';
    named += fmt::format("{}:{}", wire::quoted(name), most);
  }
  return fmt::format(R"({{"all":{},"project":{},"provider":{},"model":{},"named":{{{}}}}})", number_or_null(limits.all),
                     number_or_null(limits.per_project), number_or_null(limits.per_provider),
                     number_or_null(limits.per_model), named);
}

struct LimitsRoutes {
  Services& services;

  template <class Waiting>
  std::string waiting_json(const Waiting& waiting) const {
    std::string out;
    for (const auto& [head, each] : waiting) {
      if (!out.empty()) out += ',';
      out += fmt::format(R"({{"sessionID":{},"priority":"{}",{})", wire::quoted(head.value),
                         wire::priority_name(services.fleet->board().priority_of(head)),
                         wire::encode_waiting(each).substr(1));
    }
    return out;
  }

  Task<net::Response> slots(Call) const {
    const auto* slots = services.fleet->slots();
    if (!slots) co_return not_found("This server has no slots");
    const SlotQueue& queue = slots->queue();
    const TimeMs now = services.engine.clock.now_ms();
    std::string cooling;
    for (const auto& [provider, known] : queue.cooling()) {
      if (known.until <= now) continue;
      if (!cooling.empty()) cooling += ',';
      cooling += fmt::format("{}:{}", wire::quoted(provider), known.until);
    }
    co_return json(fmt::format(
        R"({{"limit":{},"limits":{},"running":{},"running_by_model":{},"waiting":[{}],"limited_until":{{{}}}}})",
        queue.limits().all, limits_json(queue.limits()), running_json(queue, "provider"), running_json(queue, "model"),
        waiting_json(slots->waiting()), cooling));
  }

  Task<net::Response> queue(Call) const {
    const auto& admission = services.fleet->admission();
    const SlotQueue& queue = admission.queue();
    co_return json(fmt::format(
        R"({{"limits":{},"running":{},"running_by_project":{},"running_by_provider":{},"running_by_model":{},"waiting":[{}]}})",
        limits_json(queue.limits()), admission.limited() ? std::to_string(queue.running_all()) : "null",
        running_json(queue, "project"), running_json(queue, "provider"), running_json(queue, "model"),
        waiting_json(admission.waiting())));
  }

  Task<net::Response> budgets(Call) const {
    std::string lines;
    for (const auto& line : services.fleet->budgets().shared().lines()) {
      if (!lines.empty()) lines += ',';
      const auto space = line.key.find(' ');
      lines += fmt::format(R"({{"kind":{},"name":{},"budget":{},"used":{{"cost_usd":{:.6f},"tokens":{},"steps":{}}}}})",
                           wire::quoted(line.key.substr(0, space)),
                           space == line.key.npos ? "null" : wire::quoted(line.key.substr(space + 1)),
                           wire::encode_budget(line.budget), line.used.cost_usd, line.used.tokens, line.used.steps);
    }
    co_return json(
        fmt::format(R"({{"budgets":[{}],"day_ends":{}}})", lines, services.fleet->budgets().shared().day_ends()));
  }

  // {"kind": "day" | "project" | "principal", "name"?, "budget": {…} | null}
  Task<net::Response> set_budget(Call call) const {
    const auto body = wire::parse(call.request.body);
    if (!body) co_return error_response(body.error());
    std::string kind = wire::string_at(*body, "kind");
    std::string name = wire::string_at(*body, "name");
    if (kind != "day" && kind != "project" && kind != "principal")
      co_return bad_request("Expected \"day\" | \"project\" | \"principal\"\n  at [\"kind\"]", Where::payload);
    if ((kind == "day") != name.empty() || name.size() > 200)
      co_return bad_request("Expected a name with a project or principal, of 1 to 200 bytes\n  at [\"name\"]",
                            Where::payload);
    const auto* given = wire::value_at(*body, "budget");
    if (!given) co_return bad_request("Missing key\n  at [\"budget\"]", Where::payload);
    std::optional<domain::Budget> budget;
    if (!given->is_null()) {
      auto read = wire::decode_budget(wire::to_text(*given));
      if (!read) co_return error_response(read.error());
      if (read->wall_ms)
        co_return bad_request("Expected no wall_ms: sessions have that\n  at [\"budget\"][\"wall_ms\"]",
                              Where::payload);
      budget = *read;
    }
    const auto done = co_await services.fleet->budgets().set_shared(std::move(kind), std::move(name), budget);
    if (!done) co_return error_response(done.error());
    co_return co_await budgets(Call{});
  }
};

}  // namespace

std::vector<Route> limits_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (LimitsRoutes::*handler)(Call) const) {
    return [routes = LimitsRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = LimitsRoutes;
  return {
      {"GET", "/fleet/slots", "fleet.slots", "Requests to models: how many run, who waits, which provider said later",
       bind(&R::slots), "Object"},
      {"GET", "/fleet/queue", "fleet.queue",
       "Sessions that wait for a place: the limits, how many run, who is next and why not yet", bind(&R::queue),
       "Object"},
      {"GET", "/fleet/budget", "fleet.budget",
       "What a day, projects and principals may spend, and have spent today (UTC)", bind(&R::budgets), "Object"},
      {"PUT", "/fleet/budget", "fleet.budget.set", "Set or take away one of these limits; it holds at once",
       bind(&R::set_budget), "Object", "FleetSharedBudget"},
  };
}

}  // namespace quarterdeck::api::fleet
