// queue, budget, schedule: what runs when, and what it may cost.
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

std::string queue_text(const Style& style, const wire::Json& queue) {
  const wire::JsonArray& waiting = list_in(queue, "waiting");
  if (waiting.empty()) return "no session waits for a place\n";
  Table table({"PLACE", "SESSION", "PRIORITY", "SINCE", "WHY"});
  for (const wire::Json& each : waiting) {
    table.add({{std::to_string(wire::int_at(each, "position"))},
               {harmless(wire::string_at(each, "sessionID"))},
               {wire::string_at(each, "priority")},
               {age(system_clock().now_ms(), wire::int_at(each, "since"))},
               {harmless(wire::string_at(each, "reason"))}});
  }
  return table.text(style);
}

// "$3.20 of $50.00, 12 of 500 steps"
std::string spent(const wire::Json& line) {
  static const wire::Json kEmpty = wire::JsonObject{};
  const wire::Json* budget = wire::value_at(line, "budget");
  const wire::Json* used = wire::value_at(line, "used");
  const wire::Json& most = budget != nullptr ? *budget : kEmpty;
  const wire::Json& now = used != nullptr ? *used : kEmpty;
  std::string out;
  const auto add = [&](std::string text) { out += (out.empty() ? "" : ", ") + std::move(text); };
  const wire::Json* usd = wire::value_at(most, "cost_usd");
  const wire::Json* cost = wire::value_at(now, "cost_usd");
  if (usd != nullptr && usd->is_number() && cost != nullptr && cost->is_number())
    add(fmt::format("{} of {}", dollars(cost->to_number<double>()), dollars(usd->to_number<double>())));
  for (const char* unit : {"tokens", "steps"}) {
    if (wire::value_at(most, unit) == nullptr) continue;
    add(fmt::format("{} of {} {}", grouped(wire::int_at(now, unit)), grouped(wire::int_at(most, unit)), unit));
  }
  return out;
}

std::string budgets_text(const Style& style, const wire::Json& answer) {
  const wire::JsonArray& lines = list_in(answer, "budgets");
  if (lines.empty()) return "no limits: quarterdeck budget day --budget-usd 50\n";
  Table table({"WHOSE", "NAME", "SPENT TODAY (UTC)"});
  for (const wire::Json& line : lines) {
    table.add({{wire::string_at(line, "kind")}, {harmless(wire::string_at(line, "name"))}, {spent(line)}});
  }
  return table.text(style);
}

std::string schedules_text(const Style& style, const wire::Json& answer) {
  const wire::JsonArray& schedules = list_in(answer, "schedules");
  if (schedules.empty()) return "no schedules: quarterdeck schedule add FILE\n";
  Table table({"ID", "IS", "WHEN", "NAME"});
  for (const wire::Json& each : schedules) {
    const wire::Json* enabled = wire::value_at(each, "enabled");
    const bool on = enabled == nullptr || !enabled->is_bool() || enabled->get_bool();
    const wire::Json* trigger = wire::value_at(each, "trigger");
    const std::string cron = wire::string_at(each, "cron");
    table.add({{harmless(wire::string_at(each, "id")), Paint::yellow},
               {on ? "on" : "off", on ? Paint::green : Paint::dim},
               {harmless(trigger != nullptr ? "when sessions are " + wire::string_at(*trigger, "on") : cron)},
               {harmless(wire::string_at(each, "name"))}});
  }
  return table.text(style);
}

}  // namespace

Task<int> show_queue(Connected with, FleetOptions options) {
  Client::Call call{.path = "/fleet/queue"};
  const auto answer = co_await with.client.call(std::move(call));
  if (!answer) co_return give_up(answer.error(), options.target);
  co_return print(options, *answer, queue_text(style_of(STDOUT_FILENO), *answer));
}

Task<int> budget(Connected with, FleetOptions options) {
  Client::Call call{.path = "/fleet/budget"};
  if (!options.words.empty()) {
    wire::JsonObject body{{"kind", options.words.front()}, {"budget", nullptr}};
    if (options.words.size() > 1) body["name"] = options.words[1];
    wire::JsonObject limit;
    if (options.budget_usd) limit["cost_usd"] = *options.budget_usd;
    if (options.budget_tokens) limit["tokens"] = *options.budget_tokens;
    if (options.budget_steps) limit["steps"] = *options.budget_steps;
    if (!options.none) body["budget"] = std::move(limit);
    call.method = "PUT";
    call.body = wire::to_text(body);
  }
  const auto answer = co_await with.client.call(std::move(call));
  if (!answer) co_return give_up(answer.error(), options.target);
  co_return print(options, *answer, budgets_text(style_of(STDOUT_FILENO), *answer));
}

Task<int> schedule(Connected with, FleetOptions options) {
  const std::string action = options.words.empty() ? "list" : options.words.front();
  Client::Call call{.path = "/fleet/schedules"};
  if (action == "add") {
    const auto text = text_from({}, options.words[1], false);
    if (!text) {
      complain(text.error().message);
      co_return kExitUsage;
    }
    call.method = "POST";
    call.body = *text;
  } else if (action != "list") {
    call.path += "/" + percent_encode(options.words[1]) + (action == "run" ? "/run" : "");
    call.method = action == "run" ? "POST" : "DELETE";
    if (action == "run") call.body = "{}";
  }
  const auto answer = co_await with.client.call(std::move(call));
  if (!answer) co_return give_up(answer.error(), options.target);
  if (action == "list") co_return print(options, *answer, schedules_text(style_of(STDOUT_FILENO), *answer));
  const std::string said = action == "add"   ? wire::string_at(*answer, "id")
                           : action == "run" ? wire::string_at(*answer, "sessionID")
                                             : options.words[1] + ": removed";
  co_return print(options, *answer, said + "\n");
}

}  // namespace quarterdeck::app
