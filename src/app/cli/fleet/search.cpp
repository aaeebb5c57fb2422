// search: in all that sessions were asked, said, ran and committed.
#include <unistd.h>

#include <charconv>

#include "app/cli/fleet/find.hpp"
#include "app/cli/fleet/verbs.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"
#include "app/cli/terminal.hpp"
#include "base/clock.hpp"

namespace quarterdeck::app {
namespace {

// "7d" as a time.
Result<TimeMs> time_ago(std::string_view text, TimeMs now) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double ms = unit == "s"   ? 1e3
                    : unit == "m" ? 60e3
                    : unit == "h" ? 3600e3
                    : unit == "d" ? 86400e3
                    : unit == "w" ? 604800e3
                                  : 0;
  if (error != std::errc() || ms == 0 || number < 0 || number > 1e6)
    return fail(ErrorCode::invalid, "\"{}\" is no time; say how long ago, as in 30m, 12h or 7d", text);
  return std::max<TimeMs>(0, now - static_cast<TimeMs>(number * ms));
}

std::string marked(const Style& style, const wire::Json& hit) {
  const std::string text = wire::string_at(hit, "snippet");
  const auto* matches = wire::array_at(hit, "matches");
  if (!style.colour || matches == nullptr) return harmless(text);
  std::string out;
  std::int64_t at = -1;  // of the code point
  std::size_t match = 0;
  std::string word;
  const auto range = [&](std::size_t i, std::size_t which) {
    const auto* pair = i < matches->size() ? (*matches)[i].if_array() : nullptr;
    return pair != nullptr && pair->size() == 2 && (*pair)[which].is_int64() ? (*pair)[which].get_int64() : 0;
  };
  const auto flush = [&](Paint paint) { out += painted(style, paint, harmless(std::exchange(word, {}))); };
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins) {
      ++at;
      if (match < matches->size() && at == range(match, 0)) flush(Paint::plain);
      if (match < matches->size() && at == range(match, 0) + range(match, 1)) {
        flush(Paint::bold);
        ++match;
      }
    }
    word += c;
  }
  flush(match < matches->size() && at >= range(match, 0) ? Paint::bold : Paint::plain);
  return out;
}

std::string hits_text(const Style& style, const wire::Json& answer) {
  std::string out;
  const TimeMs now = system_clock().now_ms();
  const wire::JsonArray none;
  const auto* hits = wire::array_at(answer, "hits");
  for (const wire::Json& hit : hits != nullptr ? *hits : none) {
    const std::string tool = wire::string_at(hit, "tool");
    out +=
        fmt::format("{}  {}  {}  {}  {}\n", painted(style, Paint::yellow, harmless(wire::string_at(hit, "sessionID"))),
                    age(now, wire::int_at(hit, "time")), harmless(tool.empty() ? wire::string_at(hit, "kind") : tool),
                    harmless(wire::string_at(hit, "state")), one_line(style, wire::string_at(hit, "title"), 60));
    const std::string snippet = marked(style, hit);
    for (const auto line : lines_of(snippet)) {
      if (!line.empty()) out += "    " + std::string(line) + "\n";
    }
  }
  if (const std::string next = wire::string_at(answer, "next"); !next.empty()) {
    out += painted(style, Paint::dim, fmt::format("there is more: --cursor {}", harmless(next))) + "\n";
  }
  return out;
}

}  // namespace

Task<int> search(Connected with, FleetOptions options) {
  std::string words;
  for (const std::string& word : options.words) words += (words.empty() ? "" : " ") + word;
  Client::Call call{.path = "/fleet/search",
                    .query = {{"q", words}, {"limit", std::to_string(std::min<std::int64_t>(options.limit, 100))}}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) call.query.emplace_back(name, value);
  };
  add("group", options.group);
  add("state", options.state);
  add("priority", options.priority);
  add("cursor", options.cursor);
  if (options.newest) add("order", "newest");
  std::string kinds;
  for (const std::string& kind : options.kinds) kinds += (kinds.empty() ? "" : ",") + kind;
  add("kind", kinds);
  for (const auto& [name, text] : {std::pair{"since", options.from}, std::pair{"until", options.to}}) {
    if (text.empty()) continue;
    const auto time = time_ago(text, system_clock().now_ms());
    if (!time) {
      complain(time.error().message);
      co_return kExitUsage;
    }
    add(name, std::to_string(*time));
  }
  if (!options.session.empty()) {
    const auto session = co_await find_session(with.client, options.session);
    if (!session) co_return give_up(session.error(), options.target);
    add("session", *session);
  }
  if (!options.project.empty()) {
    const auto project = co_await find_project(with.client, options.project);
    if (!project) co_return give_up(project.error(), options.target);
    add("project", wire::string_at(*project, "id"));
  }
  const auto answer = co_await with.client.call(std::move(call));
  if (!answer) co_return give_up(answer.error(), options.target);
  if (!options.json && wire::int_at(*answer, "behind") > 0)
    complain(fmt::format("{} events are not searched yet", wire::int_at(*answer, "behind")));
  const auto* hits = wire::array_at(*answer, "hits");
  if (!options.json && (hits == nullptr || hits->empty())) complain("nothing fits");
  co_return print(options, *answer, hits_text(style_of(STDOUT_FILENO), *answer));
}

}  // namespace quarterdeck::app
