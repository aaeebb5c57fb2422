#include <charconv>

#include "api/opencode/routes.hpp"
#include "feed/feed.hpp"

namespace quarterdeck::api::opencode {
namespace {

// `opencode run` subscribes and prompts in the same moment, and does not wait for the subscription: a short turn can be
// over before it listens. It is told the newest events of the directory, too.
constexpr std::int64_t kOpencodeRunCatchUpMs = 700;

struct EventRoutes {
  Services& services;

  // Where a client left off: the id of the last event it saw.
  static std::optional<std::int64_t> last_seen(const net::Request& request) {
    if (const auto after = query_number(request, "after")) return after;
    const std::string* header = request.header("last-event-id");
    if (!header) return std::nullopt;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(header->data(), header->data() + header->size(), number);
    if (error != std::errc{} || end != header->data() + header->size()) return std::nullopt;
    return number;
  }

  static net::Response stream(std::unique_ptr<net::Stream> events) {
    return {.headers = {{"Content-Type", "text/event-stream"},
                        {"Cache-Control", "no-cache, no-transform"},
                        {"X-Content-Type-Options", "nosniff"},
                        {"X-Accel-Buffering", "no"}},
            .body = std::move(events)};
  }

  Task<net::Response> instance(Call call) const {
    const auto directory = requested_directory(call.request, services.directory);
    auto after = last_seen(call.request);
    if (!after && is_opencode_cli(call.request)) {
      // From the first event since then: what was live after an older one, such as the end of the last turn, is over.
      const auto earlier = services.engine.query.seq_before(services.engine.clock.now_ms() - kOpencodeRunCatchUpMs);
      const auto newest = services.engine.query.last_seq();
      if (earlier && newest && *earlier < *newest) after = feed::position_of(*earlier + 1) - 1;
    }
    co_return stream(services.engine.feed.subscribe({.directory = directory.string()}, after));
  }

  Task<net::Response> global(Call call) const {
    co_return stream(services.engine.feed.subscribe({}, last_seen(call.request)));
  }
};

}  // namespace

std::vector<Route> event_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (EventRoutes::*handler)(Call) const) {
    return [routes = EventRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = EventRoutes;
  const Query after{"after", "go on after this event id; Last-Event-ID says the same"};
  return {
      {"GET",
       "/event",
       "event.subscribe",
       "Events of one directory, as they happen",
       bind(&R::instance),
       "EventStream",
       "",
       {{"directory", "whose events"}, after}},
      {"GET",
       "/global/event",
       "global.event",
       "Events of all directories",
       bind(&R::global),
       "EventStream",
       "",
       {after}},
  };
}

}  // namespace quarterdeck::api::opencode
