// Work that opens by itself: at times, or when other sessions end (docs/fleet.md).
#include "api/fleet/routes.hpp"
#include "api/idempotency.hpp"
#include "fleet/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

using quarterdeck::fleet::encode_schedule;
using quarterdeck::fleet::Schedule;

struct ScheduleRoutes {
  Services& services;

  net::Response shown(const Schedule& schedule) const {
    return json(encode_schedule(schedule, services.fleet->schedules().next_run(schedule)));
  }

  Task<net::Response> list(Call) const {
    std::string out;
    for (const auto& [id, schedule] : services.fleet->schedules().all()) {
      if (!out.empty()) out += ',';
      out += encode_schedule(schedule, services.fleet->schedules().next_run(schedule));
    }
    co_return json(fmt::format("{{\"schedules\":[{}]}}", out));
  }

  Task<net::Response> one(Call call) const {
    const auto& all = services.fleet->schedules().all();
    const auto found = all.find(call.param("scheduleID"));
    if (found == all.end()) co_return not_found("Schedule not found: " + call.param("scheduleID"));
    co_return shown(found->second);
  }

  Task<net::Response> put(std::optional<std::string> id, std::string body,
                          std::optional<domain::IdempotencyKey> key = {}) const {
    const auto made = co_await services.fleet->schedules().put(std::move(id), std::move(body), std::move(key));
    if (!made) co_return error_response(made.error());
    co_return shown(*made);
  }
  Task<net::Response> make(Call call) const {
    auto key = idempotency_key(call.request, "schedule");
    if (!key) co_return error_response(key.error());
    co_return co_await put(std::nullopt, std::move(call.request.body), std::move(*key));
  }
  Task<net::Response> replace(Call call) const { return put(call.param("scheduleID"), call.request.body); }

  Task<net::Response> remove(Call call) const {
    const auto removed = co_await services.fleet->schedules().remove(call.param("scheduleID"));
    if (!removed) co_return error_response(removed.error());
    co_return json("true");
  }

  Task<net::Response> run(Call call) const {
    auto key = idempotency_key(call.request, "schedule");
    if (!key) co_return error_response(key.error());
    std::optional<std::string> name;
    if (*key) name = (*key)->key;
    const auto session = co_await services.fleet->schedules().run_now(call.param("scheduleID"), std::move(name));
    if (!session) co_return error_response(session.error());
    co_return json(fmt::format("{{\"sessionID\":{}}}", wire::quoted(session->value)));
  }
};

}  // namespace

std::vector<Route> schedule_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (ScheduleRoutes::*handler)(Call) const) {
    return [routes = ScheduleRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = ScheduleRoutes;
  return {
      {"GET", "/fleet/schedules", "fleet.schedules", "Schedules with their next run and how the last one went",
       bind(&R::list), "Object"},
      {"POST", "/fleet/schedules", "fleet.schedules.make", "Have work open by itself: at times, or when sessions end",
       bind(&R::make), "Object", "FleetSchedule"},
      {"GET", "/fleet/schedules/:scheduleID", "fleet.schedules.get", "One schedule", bind(&R::one), "Object"},
      {"PUT", "/fleet/schedules/:scheduleID", "fleet.schedules.replace", "Change a schedule", bind(&R::replace),
       "Object", "FleetSchedule"},
      {"DELETE", "/fleet/schedules/:scheduleID", "fleet.schedules.remove", "Remove a schedule; its sessions stay",
       bind(&R::remove), "Boolean"},
      {"POST", "/fleet/schedules/:scheduleID/run", "fleet.schedules.run", "Open its work now", bind(&R::run), "Object",
       "Object"},
  };
}

}  // namespace quarterdeck::api::fleet
