// evidence, review, rollback, fork: a session's work, judged and taken elsewhere.
#include <unistd.h>

#include "app/cli/fleet/find.hpp"
#include "app/cli/fleet/verbs.hpp"
#include "app/cli/output.hpp"
#include "app/cli/terminal.hpp"

namespace quarterdeck::app {
namespace {

const wire::JsonArray kNone;
const wire::JsonArray& list_in(const wire::Json& value, std::string_view key) {
  const auto* list = wire::array_at(value, key);
  return list != nullptr ? *list : kNone;
}

bool is_true(const wire::Json& value, std::string_view key) {
  const wire::Json* found = wire::value_at(value, key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

std::string evidence_text(const Style& style, const wire::Json& evidence) {
  std::string out;
  for (const wire::Json& claim : list_in(evidence, "claims")) {
    const bool fine = is_true(claim, "verified");
    out += painted(style, fine ? Paint::green : Paint::red, fine ? "verified    " : "unverified  ");
    out += harmless(fmt::format("\"{}\": {}\n", wire::string_at(claim, "said"), wire::string_at(claim, "why")));
  }
  for (const wire::Json& check : list_in(evidence, "checks")) {
    const wire::Json* exit = wire::value_at(check, "exit");
    const bool fine = exit != nullptr && exit->is_int64() && exit->get_int64() == 0;
    out += painted(style, fine ? Paint::green : Paint::red,
                   fmt::format("exit {:<7}", exit != nullptr && exit->is_int64() ? wire::to_text(*exit) : "?"));
    out += harmless(wire::string_at(check, "command")) + "\n";
  }
  return out.empty() ? "it claims nothing, and ran no tests, builds or linters\n" : out;
}

wire::JsonArray comments_of(const std::vector<std::string>& given) {
  wire::JsonArray out;
  for (const std::string& each : given) {
    const auto line = each.find(':');
    const auto text = each.find(':', line + 1);
    out.push_back(wire::JsonObject{{"path", each.substr(0, line)},
                                   {"line", std::stol(each.substr(line + 1, text - line - 1))},
                                   {"text", each.substr(text + 1)}});
  }
  return out;
}

// What follows the session's name.
std::string words_after(const FleetOptions& options) {
  std::string out;
  for (std::size_t at = 1; at < options.words.size(); ++at) out += (out.empty() ? "" : " ") + options.words[at];
  return out;
}

Task<Result<wire::Json>> post(Connected with, FleetOptions options, std::string session, std::string_view what,
                              wire::JsonObject body) {
  Client::Call call{.method = "POST",
                    .path = session_path(session, what),
                    .body = wire::to_text(body),
                    .headers = key_header(options.key)};
  co_return co_await with.client.call(std::move(call));
}

}  // namespace

Task<int> show_evidence(Connected with, FleetOptions options) {
  const auto session = co_await find_session(with.client, options.words.front());
  if (!session) co_return give_up(session.error(), options.target);
  Client::Call call{.path = session_path(*session, "/evidence")};
  const auto answer = co_await with.client.call(std::move(call));
  if (!answer) co_return give_up(answer.error(), options.target);
  co_return print(options, *answer, evidence_text(style_of(STDOUT_FILENO), *answer));
}

Task<int> review(Connected with, FleetOptions options) {
  wire::JsonObject body{{"verdict", options.accept ? "accept" : "rework"}};
  const std::string summary = words_after(options);
  if (!summary.empty()) body["summary"] = summary;
  if (!options.comments.empty()) body["comments"] = comments_of(options.comments);
  if (!options.accept && body.size() == 1) {
    complain("what is to be done otherwise? a text, or --comment PATH:LINE:TEXT; --accept accepts it");
    co_return kExitUsage;
  }
  const auto session = co_await find_session(with.client, options.words.front());
  if (!session) co_return give_up(session.error(), options.target);
  const auto done = co_await post(with, options, *session, "/review", std::move(body));
  if (!done) co_return give_up(done.error(), options.target);
  co_return print(options, *done, fmt::format("{}  {}\n", *session, options.accept ? "accepted" : "sent back"));
}

Task<int> roll_back(Connected with, FleetOptions options) {
  const auto session = co_await find_session(with.client, options.words.front());
  if (!session) co_return give_up(session.error(), options.target);
  wire::JsonObject body{{"to", options.checkpoint}};
  const auto done = co_await post(with, options, *session, "/rollback", std::move(body));
  if (!done) co_return give_up(done.error(), options.target);
  for (const wire::Json& file : list_in(*done, "left")) {
    if (file.is_string()) complain("left as it is: " + harmless(file.get_string()));
  }
  co_return print(options, *done, wire::string_at(*done, "undo") + "\n");
}

Task<int> fork(Connected with, FleetOptions options) {
  const auto session = co_await find_session(with.client, options.words.front());
  if (!session) co_return give_up(session.error(), options.target);
  wire::JsonObject body{{"checkpoint", options.checkpoint}};
  const std::string text = words_after(options);
  if (!text.empty()) body["text"] = text;
  if (!options.title.empty()) body["title"] = options.title;
  if (!options.branch.empty()) body["branch"] = options.branch;
  if (!options.priority.empty()) body["priority"] = options.priority;
  const auto done = co_await post(with, options, *session, "/fork", std::move(body));
  if (!done) co_return give_up(done.error(), options.target);
  co_return print(options, *done, wire::string_at(*done, "sessionID") + "\n");
}

}  // namespace quarterdeck::app
