// What waits for an answer, and the answers.
#include "app/cli/fleet/requests.hpp"

#include <unistd.h>

#include "app/cli/fleet/find.hpp"
#include "app/cli/fleet/verbs.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"
#include "base/clock.hpp"
#include "base/encoding.hpp"

namespace quarterdeck::app {
namespace {

const wire::JsonArray kNone;

const wire::JsonArray& list_in(const wire::Json& value, std::string_view key) {
  const auto* list = wire::array_at(value, key);
  return list != nullptr ? *list : kNone;
}

std::string joined(const wire::JsonArray& list) {
  std::string out;
  for (const wire::Json& each : list) {
    if (!each.is_string()) continue;
    out += (out.empty() ? "" : ", ") + std::string(each.as_string());
  }
  return out;
}

bool is_permission(const wire::Json& request) { return wire::string_at(request, "kind") == "permission"; }

Result<wire::JsonObject> answer_body(const FleetOptions& options, const wire::Json& request) {
  const std::string id = wire::string_at(request, "id");
  wire::JsonObject body{{"hash", options.hash.empty() ? wire::string_at(request, "hash") : options.hash}};
  if (options.verb == FleetVerb::reject) {
    body["reply"] = "reject";
    if (!options.why.empty()) body["message"] = options.why;
    return body;
  }
  if (options.verb == FleetVerb::approve) {
    if (!is_permission(request))
      return fail(ErrorCode::invalid, "{} is a question; `quarterdeck answer {} TEXT` answers it:\n{}", id, id,
                  request_text(request));
    body["reply"] = options.always ? "always" : "once";
    return body;
  }
  if (is_permission(request))
    return fail(ErrorCode::invalid, "{} asks for permission; `quarterdeck approve {}` or `quarterdeck reject {}`:\n{}",
                id, id, id, request_text(request));
  const std::size_t questions = list_in(*wire::value_at(request, "content"), "questions").size();
  wire::JsonArray answers;
  if (questions == 1) {
    const std::vector<std::string> words(options.words.begin() + 1, options.words.end());
    TRY(const std::string text, text_from(words, "", false));
    answers.push_back(wire::JsonArray{wire::Json(text)});
  } else {
    for (std::size_t i = 1; i < options.words.size(); ++i)
      answers.push_back(wire::JsonArray{wire::Json(options.words[i])});
    if (answers.size() != questions)
      return fail(ErrorCode::invalid, "{} asks {} questions; give one answer each, in quotes:\n{}", id, questions,
                  request_text(request));
  }
  body["answers"] = std::move(answers);
  return body;
}

}  // namespace

std::string request_text(const wire::Json& request) {
  const wire::Json* content = wire::value_at(request, "content");
  if (content == nullptr) return {};
  std::string out;
  if (is_permission(request)) {
    out = wire::string_at(*content, "permission") + ": " + joined(list_in(*content, "patterns")) + "\n";
    const std::string always = joined(list_in(*content, "always"));
    if (!always.empty()) out += "  --always would allow: " + always + "\n";
    return harmless(out);
  }
  for (const wire::Json& question : list_in(*content, "questions")) {
    out += wire::string_at(question, "question") + "\n";
    for (const wire::Json& option : list_in(question, "options")) {
      out += "  - " + wire::string_at(option, "label");
      const std::string about = wire::string_at(option, "description");
      out += (about.empty() ? "" : ": " + about) + "\n";
    }
  }
  return harmless(out);
}

Task<int> show_requests(Connected with, FleetOptions options) {
  Client::Call call{.path = "/fleet/request"};
  const auto answer = co_await with.client.call(std::move(call));
  if (!answer) co_return give_up(answer.error(), options.target);
  const Style style = style_of(STDOUT_FILENO);
  std::string out;
  for (const wire::Json& each : list_in(*answer, "requests")) {
    out += fmt::format("{}  {}  {}  {}  {}\n", painted(style, Paint::bold, harmless(wire::string_at(each, "id"))),
                       harmless(wire::string_at(each, "priority")),
                       age(system_clock().now_ms(), wire::int_at(each, "since")),
                       harmless(wire::string_at(each, "headID")), one_line(style, wire::string_at(each, "title"), 60));
    const std::string text = request_text(each);
    for (const auto line : lines_of(text)) out += "    " + std::string(line) + "\n";
  }
  if (out.empty() && !options.json) complain("nobody asks anything");
  co_return print(options, *answer, out);
}

Task<int> answer_request(Connected with, FleetOptions options) {
  const auto request = co_await find_request(with.client, options.words.front());
  if (!request) co_return give_up(request.error(), options.target);
  const auto body = answer_body(options, *request);
  if (!body) {
    complain(body.error().message);
    co_return kExitUsage;
  }
  const std::string id = wire::string_at(*request, "id");
  Client::Call call{.method = "POST",
                    .path = fmt::format("/fleet/request/{}/answer", percent_encode(id)),
                    .body = wire::to_text(*body)};
  const auto done = co_await with.client.call(std::move(call));
  if (!done) co_return give_up(done.error(), options.target);
  const std::string_view what = options.verb == FleetVerb::approve  ? "approved"
                                : options.verb == FleetVerb::reject ? "rejected"
                                                                    : "answered";
  const std::string text = request_text(*request);
  const auto lines = lines_of(text);
  co_return print(options, *done,
                  fmt::format("{} {}{}\n", what, id, lines.empty() ? "" : "  " + std::string(lines.front())));
}

}  // namespace quarterdeck::app
