// /healthz, /readyz and /metrics: for supervisors, load balancers and Prometheus. docs/operations.md says what each means.
#include "api/opencode/routes.hpp"
#include "api/operations.hpp"
#include "base/activity.hpp"
#include "base/async.hpp"
#include "base/metrics.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api {
namespace {

struct OperationsRoutes {
  Services& services;

  // Answered by the loop that does all the work: that an answer comes is the news, and how long a task waits for its turn.
  Task<net::Response> health(Call) const {
    const std::int64_t asked_ns = Activity::now_ns();
    co_await sleep_ms(services.engine.loop, 0);
    const double waited_ms = static_cast<double>(Activity::now_ns() - asked_ns) / 1e6;
    co_return json(fmt::format(R"({{"healthy":true,"version":{},"loopLatencyMs":{:.3f}}})",
                               wire::quoted(services.engine.options.version), waited_ms));
  }

  Task<net::Response> ready(Call) const {
    std::string checks;
    bool is_ready = true;
    for (const ReadinessCheck& check : services.readiness.checks) {
      const std::string problem = check.problem();
      is_ready = is_ready && problem.empty();
      fmt::format_to(std::back_inserter(checks), R"({}{}:{})", checks.empty() ? "" : ",", wire::quoted(check.name),
                     wire::quoted(problem.empty() ? "ok" : problem));
    }
    co_return json(fmt::format(R"({{"ready":{},"checks":{{{}}}}})", is_ready, checks), is_ready ? 200 : 503);
  }

  Task<net::Response> metrics(Call) const {
    co_return net::Response{.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                            .body = metrics::render()};
  }
};

}  // namespace

bool is_operations_path(std::string_view path) { return path == "/healthz" || path == "/readyz" || path == "/metrics"; }

std::vector<Route> operations_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (OperationsRoutes::*handler)(Call) const) {
    return [routes = OperationsRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = OperationsRoutes;
  return {
      {"GET", "/healthz", "operations.health", "Is the server alive", bind(&R::health), "Health"},
      {"GET", "/readyz", "operations.ready", "Should it get work, and if not, why", bind(&R::ready), "Readiness"},
      {"GET", "/metrics", "operations.metrics", "Numbers in Prometheus' text format", bind(&R::metrics), "Metrics"},
  };
}

}  // namespace quarterdeck::api
