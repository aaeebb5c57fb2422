// webhook: who is told by HTTP what sessions need.
#include <sys/random.h>
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

bool is_on(const wire::Json& hook) {
  const wire::Json* enabled = wire::value_at(hook, "enabled");
  return enabled != nullptr && enabled->is_bool() && enabled->get_bool();
}

std::string hooks_text(const Style& style, const wire::Json& answer) {
  Table table({"ID", "KIND", "IS", "EVENTS", "URL", "HOW IT FARES"});
  for (const wire::Json& hook : list_in(answer, "webhooks")) {
    std::string events;
    for (const wire::Json& event : list_in(hook, "events")) {
      if (event.is_string()) events += (events.empty() ? "" : ",") + std::string(event.get_string());
    }
    std::string fares = wire::string_at(hook, "disabled");
    if (fares.empty() && wire::int_at(hook, "failing_since") > 0) {
      fares =
          fmt::format("failing for {}, {} attempts", age(system_clock().now_ms(), wire::int_at(hook, "failing_since")),
                      wire::int_at(hook, "attempts"));
    }
    table.add({{harmless(wire::string_at(hook, "id"))},
               {harmless(wire::string_at(hook, "kind"))},
               {is_on(hook) ? "on" : "off", is_on(hook) ? Paint::green : Paint::dim},
               {harmless(events)},
               {harmless(wire::string_at(hook, "url"))},
               {harmless(fares), Paint::red}});
  }
  return table.text(style);
}

std::string delivery_line(const wire::Json& delivery) {
  return fmt::format(
      "{}  {}  {}  {} ms  attempt {}  {}  {}\n", age(system_clock().now_ms(), wire::int_at(delivery, "at")),
      harmless(wire::string_at(delivery, "outcome")), wire::int_at(delivery, "status"), wire::int_at(delivery, "ms"),
      wire::int_at(delivery, "attempt"), harmless(wire::string_at(delivery, "sessionID")),
      harmless(wire::string_at(delivery, "state") + " " + wire::string_at(delivery, "error")));
}

std::string new_secret() {
  std::string bytes(32, '\0');
  if (::getentropy(bytes.data(), bytes.size()) != 0) return {};
  return "whsec_" + base64(bytes);
}

// Also says what is to be shown to whoever set it up.
Result<wire::JsonObject> hook_of(const FleetOptions& options, std::string& made) {
  wire::JsonObject body{{"url", options.words[1]}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  add("id", options.id);
  add("session_key", options.session_key);
  add("agent_id", options.agent_id);
  if (!options.kinds.empty()) add("kind", options.kinds.front());
  if (!options.events.empty()) {
    wire::JsonArray events;
    for (const std::string& each : options.events) events.emplace_back(each);
    body["events"] = std::move(events);
  }
  if (options.allow_private) body["allow_private"] = true;
  if (!options.token_file.empty()) {
    TRY(const std::string token, text_from({}, options.token_file, false));
    body["token"] = token;
  }
  if (!options.secret_file.empty()) {
    TRY(const std::string secret, text_from({}, options.secret_file, false));
    body["secret"] = secret;
  } else if (options.kinds.empty() || options.kinds.front() == "standard") {
    made = new_secret();
    body["secret"] = made;
  }
  return body;
}

Task<int> add(Connected with, FleetOptions options) {
  std::string secret;
  auto body = hook_of(options, secret);
  if (!body) {
    complain(body.error().message);
    co_return kExitUsage;
  }
  if (!options.session.empty()) {
    const auto session = co_await find_session(with.client, options.session);
    if (!session) co_return give_up(session.error(), options.target);
    (*body)["sessions"] = wire::JsonArray{wire::Json(*session)};
  }
  if (!options.project.empty()) {
    const auto project = co_await find_project(with.client, options.project);
    if (!project) co_return give_up(project.error(), options.target);
    (*body)["projects"] = wire::JsonArray{wire::Json(wire::string_at(*project, "id"))};
  }
  Client::Call call{.method = "POST", .path = "/fleet/webhooks", .body = wire::to_text(*body)};
  const auto done = co_await with.client.call(std::move(call));
  if (!done) co_return give_up(done.error(), options.target);
  if (!secret.empty()) complain("its secret, shown this once: " + secret);
  co_return print(options, *done, wire::string_at(*done, "id") + "\n");
}

}  // namespace

Task<int> webhook(Connected with, FleetOptions options) {
  const std::string action = options.words.front();
  if (action == "add") co_return co_await add(with, std::move(options));
  Client::Call call{.path = "/fleet/webhooks"};
  if (action != "list") call.path += "/" + percent_encode(options.words[1]);
  if (action == "test") {
    call.method = "POST";
    call.path += "/test";
    call.body = "{}";
  } else if (action == "log") {
    call.path += "/deliveries";
  } else if (action == "remove") {
    call.method = "DELETE";
  } else if (action == "on" || action == "off") {
    call.method = "PATCH";
    call.body = action == "on" ? R"({"enabled":true})" : R"({"enabled":false})";
  }
  const auto answer = co_await with.client.call(std::move(call));
  if (!answer) co_return give_up(answer.error(), options.target);
  if (action == "list") co_return print(options, *answer, hooks_text(style_of(STDOUT_FILENO), *answer));
  if (action == "test") {
    const bool arrived = wire::string_at(*answer, "outcome") == "delivered";
    const int code = print(options, *answer, delivery_line(*answer));
    co_return arrived ? code : kExitFailed;
  }
  std::string text = options.words[1] + ": " + (action == "remove" ? "removed" : action) + "\n";
  if (action == "log") {
    text.clear();
    for (const wire::Json& each : list_in(*answer, "deliveries")) text += delivery_line(each);
  }
  co_return print(options, *answer, text);
}

}  // namespace quarterdeck::app
