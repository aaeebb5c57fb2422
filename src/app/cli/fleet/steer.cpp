// Handing over, telling, nudging, settling: what changes sessions.
#include <unistd.h>

#include <algorithm>

#include "app/cli/fleet/find.hpp"
#include "app/cli/fleet/verbs.hpp"
#include "app/cli/output.hpp"
#include "app/cli/terminal.hpp"

namespace quarterdeck::app {
namespace {

wire::JsonObject model_json(const std::string& model) {
  const auto slash = model.find('/');
  return {{"providerID", model.substr(0, slash)}, {"modelID", model.substr(slash + 1)}};
}

wire::JsonArray strings(const std::vector<std::string>& list) {
  wire::JsonArray out;
  for (const std::string& each : list) out.emplace_back(each);
  return out;
}

// What open and set have in common.
void add_standing(wire::JsonObject& body, const FleetOptions& options) {
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  add("title", options.title);
  add("agent", options.agent);
  add("priority", options.priority);
  add("owner", options.owner);
  if (!options.model.empty()) body["model"] = model_json(options.model);
  if (!options.labels.empty()) body["labels"] = strings(options.labels);
  if (!options.budget_usd && !options.budget_tokens && !options.budget_steps) return;
  wire::JsonObject budget;
  if (options.budget_usd) budget["cost_usd"] = *options.budget_usd;
  if (options.budget_tokens) budget["tokens"] = *options.budget_tokens;
  if (options.budget_steps) budget["steps"] = *options.budget_steps;
  body["budget"] = std::move(budget);
}

wire::JsonObject handoff_of(const FleetOptions& options, const std::string& text) {
  wire::JsonObject body{{"request", text}, {"directory", options.target.directory}};
  add_standing(body, options);
  wire::JsonArray refs;
  for (const std::string& ref : options.refs) {
    const auto colon = ref.find(':');
    refs.push_back(wire::JsonObject{{"system", ref.substr(0, colon)}, {"id", ref.substr(colon + 1)}});
  }
  if (!refs.empty()) body["refs"] = std::move(refs);
  if (options.fresh) body["fresh"] = true;
  wire::JsonObject worktree;
  if (!options.branch.empty()) worktree["branch"] = options.branch;
  if (!options.base.empty()) worktree["base"] = options.base;
  if (options.in_place) {
    body["in_place"] = true;
  } else if (!worktree.empty()) {
    body["worktree"] = std::move(worktree);
  }
  return body;
}

// Then waits, if it was asked to.
Task<int> and_wait(Connected with, FleetOptions options, std::string session) {
  if (!options.wait) co_return kExitOk;
  std::vector<std::string> sessions{std::move(session)};
  co_return co_await wait_for(with, std::move(options), std::move(sessions));
}

}  // namespace

Task<int> hand_over(Connected with, FleetOptions options) {
  const auto text = text_from(options.words, options.file, ::isatty(STDIN_FILENO) != 1);
  if (!text || text->find_first_not_of(" \t\r\n") == text->npos) {
    complain(!text ? text.error().message
                   : "what is to be done? quarterdeck open \"fix the failing test\", or standard input, or --file");
    co_return kExitUsage;
  }
  if (!options.project.empty()) {
    const auto project = co_await find_project(with.client, options.project);
    if (!project) co_return give_up(project.error(), options.target);
    options.target.directory = wire::string_at(*project, "worktree");
  }
  wire::JsonObject body = handoff_of(options, *text);
  if (!options.result_schema.empty()) {
    const auto file = text_from({}, options.result_schema, false);
    auto schema = file ? wire::parse(*file) : Result<wire::Json>(std::unexpected(file.error()));
    if (!schema) {
      complain(fmt::format("--result-schema {}: {}", options.result_schema, schema.error().message));
      co_return kExitUsage;
    }
    body["result_schema"] = std::move(*schema);
  }
  Client::Call call{
      .method = "POST", .path = "/fleet/handoff", .body = wire::to_text(body), .headers = key_header(options.key)};
  const auto done = co_await with.client.call(std::move(call));
  if (!done) {
    Error error = done.error();
    if (!options.in_place && error.code == ErrorCode::invalid && error.message.contains("git"))
      error.message += "\n--in-place works in the directory itself, without a worktree.";
    co_return give_up(error, options.target);
  }
  const std::string session = wire::string_at(*done, "sessionID");
  const wire::Json* created = wire::value_at(*done, "created");
  if (!options.json && created != nullptr && created->is_bool() && !created->get_bool())
    complain("this work has a session already");
  if (const int code = print(options, *done, session + "\n"); code != kExitOk) co_return code;
  co_return co_await and_wait(with, std::move(options), session);
}

Task<int> tell(Connected with, FleetOptions options) {
  const std::vector<std::string> words(options.words.begin() + 1, options.words.end());
  const auto text = text_from(words, options.file, false);
  if (!text || text->empty()) {
    complain(!text ? text.error().message : "there is nothing to tell");
    co_return kExitUsage;
  }
  const auto session = co_await find_session(with.client, options.words.front());
  if (!session) co_return give_up(session.error(), options.target);
  Client::Call call{.method = "POST",
                    .path = session_path(*session, "/message"),
                    .body = wire::to_text(wire::JsonObject{{"mode", options.mode}, {"text", *text}}),
                    .headers = key_header(options.key)};
  const auto done = co_await with.client.call(std::move(call));
  if (!done) co_return give_up(done.error(), options.target);
  const std::int64_t ahead = wire::int_at(*done, "ahead");
  const std::string said = fmt::format("{}{}\n", wire::string_at(*done, "messageID"),
                                       ahead > 0 ? fmt::format("  after {} others", ahead) : "");
  if (const int code = print(options, *done, said); code != kExitOk) co_return code;
  co_return co_await and_wait(with, std::move(options), *session);
}

Task<int> nudge(Connected with, FleetOptions options) {
  const auto session = co_await find_session(with.client, options.words.front());
  if (!session) co_return give_up(session.error(), options.target);
  wire::JsonObject body;
  const std::vector<std::string> words(options.words.begin() + 1, options.words.end());
  const auto text = text_from(words, "", false);
  if (text && !text->empty()) body["text"] = *text;
  Client::Call call{.method = "POST",
                    .path = session_path(*session, "/nudge"),
                    .body = wire::to_text(body),
                    .headers = key_header(options.key)};
  const auto done = co_await with.client.call(std::move(call));
  if (!done) co_return give_up(done.error(), options.target);
  co_return print(options, *done, "nudged " + *session + "\n");
}

Task<int> settle(Connected with, FleetOptions options) {
  const auto session = co_await find_session(with.client, options.words.front());
  if (!session) co_return give_up(session.error(), options.target);
  Client::Call call{.method = "POST"};
  wire::JsonObject body;
  switch (options.verb) {
    case FleetVerb::accept: call.path = session_path(*session, "/accept"); break;
    case FleetVerb::reopen: call.path = session_path(*session, "/reopen"); break;
    case FleetVerb::close:
      call.path = session_path(*session, options.archive ? "/archive" : "/close");
      if (options.stop) body["stop"] = true;
      break;
    default:
      call.method = "PATCH";
      call.path = session_path(*session);
      add_standing(body, options);
      if (body.empty()) {
        complain("what is to change? quarterdeck set SESSION --priority P0");
        co_return kExitUsage;
      }
  }
  call.body = wire::to_text(body);
  const auto done = co_await with.client.call(std::move(call));
  if (!done) {
    Error error = done.error();
    if (error.code == ErrorCode::conflict && options.verb == FleetVerb::close)
      error.message += "\n--stop closes it all the same.";
    co_return give_up(error, options.target);
  }
  const wire::Json* attention = wire::value_at(*done, "attention");
  const std::string state = attention != nullptr ? wire::string_at(*attention, "state") : "";
  co_return print(options, *done,
                  fmt::format("{}  {}  {}\n", *session, wire::string_at(*done, "priority", "P2"), harmless(state)));
}

}  // namespace quarterdeck::app
