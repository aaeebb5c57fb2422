// What a session changed, and what happened in it.
#include <unistd.h>

#include "app/cli/fleet/find.hpp"
#include "app/cli/fleet/verbs.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"
#include "app/cli/table.hpp"
#include "base/clock.hpp"
#include "base/encoding.hpp"

namespace quarterdeck::app {
namespace {

const wire::JsonArray kNone;

const wire::JsonArray& list_in(const wire::Json& value, std::string_view key) {
  const auto* list = wire::array_at(value, key);
  return list != nullptr ? *list : kNone;
}

std::string painted_patch(const Style& style, std::string_view patch) {
  std::string out;
  const std::string safe = harmless(patch);
  for (const auto line : lines_of(safe)) {
    const Paint paint = line.starts_with("+++") || line.starts_with("---") || line.starts_with("diff ") ? Paint::bold
                        : line.starts_with("@@")                                                        ? Paint::cyan
                        : line.starts_with('+')                                                         ? Paint::green
                        : line.starts_with('-')                                                         ? Paint::red
                                                                                                        : Paint::plain;
    out += painted(style, paint, line) + "\n";
  }
  return out;
}

std::string stat_text(const Style& style, const wire::Json& comparison) {
  Table table({"FILE", "+", "-"});
  for (const wire::Json& file : list_in(comparison, "files")) {
    table.add({{wire::string_at(file, "file")},
               {std::to_string(wire::int_at(file, "additions")), Paint::green},
               {std::to_string(wire::int_at(file, "deletions")), Paint::red}});
  }
  return table.text(style);
}

std::string commits_text(const Style& style, const wire::Json& work) {
  Table table({"ID", "KIND", "WHEN", "FILES", "TITLE"});
  const TimeMs now = system_clock().now_ms();
  for (const char* list : {"commits", "checkpoints"}) {
    for (const wire::Json& each : list_in(work, list)) {
      table.add({{harmless(wire::string_at(each, "id")).substr(0, 12), Paint::yellow},
                 {harmless(wire::string_at(each, "kind"))},
                 {age(now, wire::int_at(each, "created_at"))},
                 {fmt::format("{} +{} -{}", wire::int_at(each, "files"), wire::int_at(each, "additions"),
                              wire::int_at(each, "deletions"))},
                 {wire::string_at(each, "title")}});
    }
  }
  return table.text(style);
}

// One line a fact: the mark, then the words.
struct Facts {
  const Style& style;
  std::string out;

  void line(std::string_view name, std::string_view text, Paint paint = Paint::plain) {
    if (text.empty()) return;
    out += painted(style, Paint::dim, padded(name, 11)) + " ";
    bool first = true;
    const std::string safe = harmless(text);
    for (const auto each : lines_of(safe)) {
      if (!std::exchange(first, false)) out += std::string(12, ' ');
      out += painted(style, paint, each) + "\n";
    }
  }
};

std::string digest_text(const Style& style, const wire::Json& digest) {
  Facts facts{style, {}};
  static const wire::Json kEmpty = wire::JsonObject{};
  const auto object = [&](std::string_view key) -> const wire::Json& {
    const wire::Json* found = wire::value_at(digest, key);
    return found != nullptr ? *found : kEmpty;
  };
  facts.line("session",
             fmt::format("{}  {}  {}", wire::string_at(digest, "sessionID"), wire::string_at(digest, "priority"),
                         wire::string_at(digest, "title")),
             Paint::bold);
  const wire::Json& state = object("state");
  facts.line("state", fmt::format("{}: {}", wire::string_at(state, "state"), wire::string_at(state, "reason")));
  facts.line("next", wire::string_at(object("next"), "action"));
  for (const wire::Json& each : list_in(digest, "open")) {
    const wire::Json* content = wire::value_at(each, "content");
    facts.line("asks",
               fmt::format("{}  {}", wire::string_at(each, "id"), content != nullptr ? wire::to_text(*content) : ""),
               Paint::yellow);
  }
  for (const wire::Json& each : list_in(digest, "unverified"))
    facts.line("unverified", fmt::format("\"{}\": {}", wire::string_at(each, "said"), wire::string_at(each, "why")),
               Paint::red);
  for (const wire::Json& each : list_in(digest, "failures"))
    facts.line("failed", wire::string_at(each, "text"), Paint::red);
  for (const wire::Json& each : list_in(digest, "checks")) {
    const wire::Json* exit = wire::value_at(each, "exit");
    const bool fine = exit != nullptr && exit->is_int64() && exit->get_int64() == 0;
    facts.line(
        "check",
        fmt::format("{}  exit {}", wire::string_at(each, "command"), exit != nullptr ? wire::to_text(*exit) : "?"),
        fine ? Paint::green : Paint::red);
  }
  for (const wire::Json& each : list_in(digest, "commits"))
    facts.line("commit", fmt::format("{}  {}", wire::string_at(each, "hash"), wire::string_at(each, "subject")));
  for (const wire::Json& each : list_in(digest, "asked")) facts.line("asked", wire::string_at(each, "text"));
  for (const wire::Json& each : list_in(digest, "decisions")) facts.line("decided", wire::string_at(each, "text"));
  facts.line("answer", wire::string_at(object("answer"), "text"));
  if (const wire::Json* result = wire::value_at(digest, "result")) facts.line("result", wire::to_text(*result));
  std::string files;
  for (const wire::Json& each : list_in(digest, "files")) {
    if (each.is_string()) files += (files.empty() ? "" : "\n") + std::string(each.as_string());
  }
  facts.line("files", files);
  for (const wire::Json& each : list_in(digest, "todo")) {
    if (each.is_string()) facts.line("todo", std::string(each.as_string()));
  }
  const wire::Json* total = wire::value_at(object("cost"), "total_usd");
  facts.line(
      "cost",
      fmt::format("{}, {} tokens, context {}",
                  dollars(total != nullptr && total->is_number() ? total->to_number<double>() : 0),
                  grouped(wire::int_at(object("cost"), "tokens")), grouped(wire::int_at(digest, "context_tokens"))),
      Paint::dim);
  facts.line("cursor", std::to_string(wire::int_at(digest, "cursor")), Paint::dim);
  return std::move(facts.out);
}

}  // namespace

Task<int> show_diff(Connected with, FleetOptions options) {
  const auto session = co_await find_session(with.client, options.words.front());
  if (!session) co_return give_up(session.error(), options.target);
  const Style style = style_of(STDOUT_FILENO);
  if (options.list || options.range.empty()) {
    Client::Call call{.path = session_path(*session, "/commits"), .query = {{"limit", "1000"}}};
    const auto work = co_await with.client.call(std::move(call));
    if (!work) co_return give_up(work.error(), options.target);
    if (options.list) co_return print(options, *work, commits_text(style, *work));
    // With a branch of its own: since it began. Else since the session's first step.
    options.range = !wire::string_at(*work, "base").empty() ? "base..now" : "start..now";
    if (list_in(*work, "checkpoints").empty() && list_in(*work, "commits").empty()) {
      complain("it has changed no file");
      co_return options.json ? print(options, wire::JsonObject{{"files", wire::JsonArray{}}, {"patch", ""}}, "")
                             : kExitOk;
    }
  }
  if (!options.range.contains("..")) options.range += "..now";
  Client::Call call{.path = session_path(*session, "/commits/" + percent_encode(options.range)),
                    .query = {{"patch", options.stat ? "false" : "true"}}};
  const auto found = co_await with.client.call(std::move(call));
  if (!found) co_return give_up(found.error(), options.target);
  const wire::Json* truncated = wire::value_at(*found, "truncated");
  if (truncated != nullptr && truncated->is_bool() && truncated->get_bool())
    complain("there is more than the server shows");
  co_return print(options, *found,
                  options.stat ? stat_text(style, *found) : painted_patch(style, wire::string_at(*found, "patch")));
}

Task<int> show_digest(Connected with, FleetOptions options) {
  const auto session = co_await find_session(with.client, options.words.front());
  if (!session) co_return give_up(session.error(), options.target);
  Client::Call call{.path = session_path(*session, "/digest")};
  if (options.since > 0) call.query.emplace_back("since", std::to_string(options.since));
  if (options.max_tokens > 0) call.query.emplace_back("max_tokens", std::to_string(options.max_tokens));
  const auto digest = co_await with.client.call(std::move(call));
  if (!digest) co_return give_up(digest.error(), options.target);
  co_return print(options, *digest, digest_text(style_of(STDOUT_FILENO), *digest));
}

}  // namespace quarterdeck::app
