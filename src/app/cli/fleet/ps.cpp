// ps: the roster, once or as it changes; and what waits for somebody.
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/cli/fleet/find.hpp"
#include "app/cli/fleet/roster.hpp"
#include "app/cli/fleet/verbs.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"
#include "base/async.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::string_view kHome = "\x1b[H\x1b[2J";
constexpr std::int64_t kRedrawMs = 2'000;  // ages grow, costs too

Client::Call roster_call(const FleetOptions& options) {
  Client::Call call{.path = "/fleet/roster", .query = {{"limit", std::to_string(options.limit)}}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) call.query.emplace_back(name, value);
  };
  add("group", options.group);
  add("state", options.state);
  add("priority", options.priority);
  add("project", options.project);
  add("directory", options.target.directory);
  add("owner", options.owner);
  add("search", options.title_part);
  if (!options.labels.empty()) add("label", options.labels.front());
  if (options.archived) add("archived", "true");
  return call;
}

std::size_t rows_of_terminal() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row >= 4 ? size.ws_row : 24;
}

Task<int> live(Connected with, FleetOptions options) {
  std::string last;
  for (;;) {
    Client::Call call = roster_call(options);
    const auto roster = co_await with.client.call(std::move(call));
    const Style style = style_of(STDOUT_FILENO);
    if (!roster) {
      if (last.empty() || roster.error().code != ErrorCode::unavailable)
        co_return give_up(roster.error(), options.target);
      const std::string away = painted(style, Paint::yellow, "the server is away; trying again…") + "\n";
      if (!write_all(STDOUT_FILENO, std::string(kHome) + clipped(away + last, rows_of_terminal() - 1)))
        co_return kExitFailed;
      co_await sleep_ms(with.loop, kRedrawMs);
      continue;
    }
    last = roster_text(*roster, style, system_clock().now_ms());
    const std::string screen = std::string(kHome) + clipped(last, rows_of_terminal() - 1);
    if (!write_all(STDOUT_FILENO, screen)) co_return kExitFailed;
    Client::Call next{.path = "/fleet/wait",
                      .query = {{"after", std::to_string(wire::int_at(*roster, "cursor"))},
                                {"timeout_ms", std::to_string(kRedrawMs)}}};
    const auto changed = co_await with.client.call(std::move(next));
    // Changes come in bursts: at most five pictures a second.
    co_await sleep_ms(with.loop, changed ? 200 : kRedrawMs);
  }
}

}  // namespace

Task<int> show_roster(Connected with, FleetOptions options) {
  if (!options.project.empty()) {
    const auto project = co_await find_project(with.client, options.project);
    if (!project) co_return give_up(project.error(), options.target);
    options.project = wire::string_at(*project, "id");
  }
  const Style style = style_of(STDOUT_FILENO);
  if (style.live && !options.once && !options.json) co_return co_await live(with, std::move(options));
  Client::Call call = roster_call(options);
  const auto roster = co_await with.client.call(std::move(call));
  if (!roster) co_return give_up(roster.error(), options.target);
  co_return print(options, *roster, roster_text(*roster, style, system_clock().now_ms()));
}

}  // namespace quarterdeck::app
