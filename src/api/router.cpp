#include "api/router.hpp"

#include <algorithm>

#include "api/audited.hpp"
#include "api/scoped.hpp"
#include "base/activity.hpp"
#include "base/flight_ring.hpp"
#include "base/metrics.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    segments.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return segments;
}

bool matches(const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& segments) {
  return std::ranges::equal(pattern, segments, [](std::string_view expected, std::string_view given) {
    return expected.starts_with(':') || expected == given;
  });
}

// Literal segments before parameters: /session/status is not a session id.
bool more_literal(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  return std::ranges::lexicographical_compare(
      a, b, [](std::string_view x, std::string_view y) { return !x.starts_with(':') && y.starts_with(':'); });
}

metrics::Family<metrics::Counter> requests("quarterdeck_http_requests_total", "Requests by route and status");
metrics::Family<metrics::Histogram> seconds("quarterdeck_http_request_seconds",
                                            "From the request until its answer begins, by route");

// Counts one request when its handler has answered, or thrown.
struct Measure {
  explicit Measure(const Route& called) : route(called) {}
  ~Measure() {
    const std::string labels = fmt::format(R"(method="{}",route="{}")", route.method, route.path);
    seconds.with(labels).observe_ns(Activity::now_ns() - started_ns);
    requests.with(fmt::format(R"({},status="{}")", labels, status)).add();
    remember("http", fmt::format("{} {} {}", route.method, route.path, status));
  }
  Measure(const Measure&) = delete;
  Measure& operator=(const Measure&) = delete;
  const Route& route;
  const std::int64_t started_ns = Activity::now_ns();
  int status = 500;
};

}  // namespace

Router::Router(std::vector<Route> routes, Scope scope, Around audited)
    : routes_(std::move(routes)), scope_(std::move(scope)), audited_(std::move(audited)) {
  for (Route& route : routes_) route.need = need_of(route.operation);
  for (const Route& route : routes_) {
    Pattern pattern{split(route.path), &route};
    if (pattern.segments.size() > 0 && pattern.segments.back() == "*") {
      open_ended_.push_back(std::move(pattern));
      continue;
    }
    if (by_length_.size() <= pattern.segments.size()) by_length_.resize(pattern.segments.size() + 1);
    by_length_[pattern.segments.size()].push_back(std::move(pattern));
  }
  for (auto& patterns : by_length_) {
    std::ranges::sort(patterns, more_literal, &Pattern::segments);
  }
}

Task<net::Response> Router::handle(net::Request request, access::Who who) const {
  const std::vector<std::string_view> segments = split(request.path);
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string allowed;
  const Pattern* found = nullptr;
  if (segments.size() < by_length_.size()) {
    for (const Pattern& pattern : by_length_[segments.size()]) {
      if (!matches(pattern.segments, segments)) continue;
      if (pattern.route->method == method) {
        found = &pattern;
        break;
      }
      if (!allowed.empty()) allowed += ", ";
      allowed += pattern.route->method;
    }
  }
  for (const Pattern& pattern : open_ended_) {
    const std::size_t fixed = pattern.segments.size() - 1;
    if (found || segments.size() <= fixed || pattern.route->method != method) continue;
    if (matches({pattern.segments.begin(), pattern.segments.end() - 1},
                {segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(fixed)}))
      found = &pattern;
  }
  if (!found) {
    requests.with(fmt::format(R"(method="other",route="none",status="{}")", allowed.empty() ? 404 : 405)).add();
    if (allowed.empty()) co_return not_found(fmt::format("No such path: {}", request.path));
    net::Response response =
        json(fmt::format(R"({{"name":"MethodNotAllowedError","data":{{"message":{}}}}})",
                         wire::quoted(fmt::format("{} does not answer {}", request.path, request.method))),
             405);
    response.headers.push_back({"Allow", allowed});
    co_return response;
  }
  Call call;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string_view expected = found->segments[i];
    if (expected.starts_with(':')) call.params.emplace_back(expected.substr(1), std::string(segments[i]));
    if (expected == "*" && i + 1 == found->segments.size()) {
      // The rest as it stands in the path.
      const auto at = static_cast<std::size_t>(segments[i].data() - request.path.data());
      call.params.emplace_back(expected, request.path.substr(at));
      break;
    }
  }
  call.request = std::move(request);
  call.who = std::move(who);
  Measure measure(*found->route);
  net::Response response;
  if (audited_ && is_audited(*found->route)) {
    response = co_await audited_(*found->route, std::move(call));
  } else {
    response = co_await admitted(*found->route, std::move(call));
  }
  measure.status = response.status;
  co_return response;
}

Task<net::Response> Router::admitted(const Route& route, Call call) const {
  if (!allows(route.need.level, *call.who)) {
    co_return forbidden(fmt::format("{} {} needs the role {}; {} is {}", route.method, route.path,
                                    roles_of(route.need.level), call.who->name, access::name(call.who->role)));
  }
  if (needs_scope(*call.who)) co_return co_await scope_(route, std::move(call));
  co_return co_await route.handler(std::move(call));
}

}  // namespace quarterdeck::api
