// Until sessions are through, or need somebody. The exit code says which: scripts branch on it.
#include <unistd.h>

#include <algorithm>
#include <map>

#include "app/cli/fleet/find.hpp"
#include "app/cli/fleet/verbs.hpp"
#include "app/cli/output.hpp"
#include "app/cli/terminal.hpp"
#include "base/async.hpp"
#include "base/clock.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::int64_t kRoundMs = 20'000;  // the server allows 25 s
constexpr std::int64_t kAwayMsMax = 20'000;

struct Seen {
  std::string group, state, reason;
  bool gone = false;
  bool changed = false;  // since the first look
};

bool needs_somebody(const Seen& seen) { return seen.group == "needs_you" || seen.group == "with_supervisor"; }

bool is_so(const Seen& seen, const std::string& until) {
  if (seen.gone) return true;
  if (until == "settled") return seen.group != "working" && seen.group != "queued";
  if (until == "attention") return needs_somebody(seen);
  if (until == "change") return seen.changed;
  return seen.state == until || seen.group == until;
}

int code_of(const Seen& seen) {
  if (seen.gone) return kExitGone;
  if (seen.state == "failed") return kExitFailed;
  return needs_somebody(seen) ? kExitNeedsYou : kExitOk;
}

// What is worse decides: failed, deleted, needs somebody, through.
int worse(int a, int b) {
  const auto rank = [](int code) {
    return code == kExitFailed ? 3 : code == kExitGone ? 2 : code == kExitNeedsYou ? 1 : 0;
  };
  return rank(b) > rank(a) ? b : a;
}

void take(std::map<std::string, Seen>& all, const wire::Json& answer, bool first) {
  if (const auto* changes = wire::array_at(answer, "changes")) {
    for (const wire::Json& each : *changes) {
      const wire::Json* attention = wire::value_at(each, "attention");
      if (attention == nullptr) continue;
      all[wire::string_at(each, "sessionID")] = {wire::string_at(*attention, "group"),
                                                 wire::string_at(*attention, "state"),
                                                 wire::string_at(*attention, "reason"), false, !first};
    }
  }
  if (const auto* gone = wire::array_at(answer, "gone")) {
    for (const wire::Json& each : *gone) {
      if (each.is_string()) all[std::string(each.as_string())] = {.gone = true, .changed = true};
    }
  }
}

int report(const FleetOptions& options, const std::map<std::string, Seen>& all, bool in_time) {
  const Style style = style_of(STDOUT_FILENO);
  int code = in_time ? kExitOk : kExitTimeout;
  std::string text;
  wire::JsonArray list;
  for (const auto& [id, seen] : all) {
    const bool so = is_so(seen, options.until);
    if (so && in_time) code = worse(code, code_of(seen));
    list.push_back(wire::JsonObject{{"sessionID", id},
                                    {"group", seen.group},
                                    {"state", seen.gone ? "deleted" : seen.state},
                                    {"reason", seen.reason},
                                    {"reached", so}});
    if (!so && in_time) continue;
    text += fmt::format("{}  {}  {}\n", id, seen.gone ? "deleted" : harmless(seen.state),
                        one_line(style, seen.reason, 200));
  }
  const wire::Json answer = wire::JsonObject{{"timeout", !in_time}, {"sessions", std::move(list)}};
  const int written = print(options, answer, text);
  return written == kExitOk ? code : written;
}

}  // namespace

Task<int> wait_for(Connected with, FleetOptions options, std::vector<std::string> sessions) {
  Clock& clock = system_clock();
  const std::int64_t began = clock.now_ms();
  std::string ids;
  for (const std::string& each : sessions) ids += (ids.empty() ? "" : ",") + each;
  std::map<std::string, Seen> all;
  std::optional<std::int64_t> cursor;
  std::int64_t away_since = 0;
  for (;;) {
    std::int64_t round = kRoundMs;
    if (options.timeout_s) {
      const std::int64_t left = began + static_cast<std::int64_t>(*options.timeout_s * 1000) - clock.now_ms();
      if (cursor && left <= 0) co_return report(options, all, false);
      round = std::clamp<std::int64_t>(left, 0, round);
    }
    Client::Call call{.path = "/fleet/wait", .query = {{"sessions", ids}, {"timeout_ms", std::to_string(round)}}};
    if (cursor) call.query.emplace_back("after", std::to_string(*cursor));
    const auto answer = co_await with.client.call(std::move(call));
    if (!answer) {
      // A server that restarts comes back with the same numbers.
      const bool passing = cursor && answer.error().code == ErrorCode::unavailable;
      if (passing && away_since == 0) away_since = clock.now_ms();
      if (!passing || clock.now_ms() - away_since > kAwayMsMax) co_return give_up(answer.error(), options.target);
      co_await sleep_ms(with.loop, 300);
      continue;
    }
    away_since = 0;
    take(all, *answer, !cursor);
    cursor = wire::int_at(*answer, "cursor");
    const auto reached = [&](const auto& each) { return is_so(each.second, options.until); };
    const bool enough = options.all ? std::ranges::all_of(all, reached) : std::ranges::any_of(all, reached);
    if (enough && !all.empty()) co_return report(options, all, true);
  }
}

}  // namespace quarterdeck::app
