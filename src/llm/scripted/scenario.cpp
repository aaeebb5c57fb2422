#include "llm/scripted/scenario.hpp"

#include "wire/codec.hpp"

namespace quarterdeck::llm::scripted {

template <class Io>
void describe(Io& io, ReplyCall& value) {
  io.field("name", value.name);
  io.field_or("arguments", value.arguments, domain::JsonText{"{}"});
}
template <class Io>
void describe(Io& io, ReplyUsage& value) {
  io.field("prompt_tokens", value.prompt_tokens);
  io.field("completion_tokens", value.completion_tokens);
}
template <class Io>
void describe(Io& io, Reply& value) {
  io.field("reasoning", value.reasoning);
  io.field("text", value.text);
  io.field("tool_calls", value.tool_calls);
  io.field("finish", value.finish);
  io.field("usage", value.usage);
  io.field("delay_ms", value.delay_ms);
  io.field("delta_ms", value.delta_ms);
  io.field("status", value.status);
  io.field("fault", value.fault);
}
template <class Io>
void describe(Io& io, When& value) {
  io.field("user_contains", value.user_contains);
  io.field("system_contains", value.system_contains);
  io.field("tool_result_contains", value.tool_result_contains);
  io.field("step", value.step);
}
template <class Io>
void describe(Io& io, Rule& value) {
  io.field("when", value.when);
  io.field("reply", value.reply);
}
template <class Io>
void describe(Io& io, ScenarioModel& value) {
  io.field_or("id", value.id, ScenarioModel{}.id);
  io.field_or("name", value.name, ScenarioModel{}.name);
}
template <class Io>
void describe(Io& io, Scenario& value) {
  io.field("name", value.name);
  io.field_or("model", value.model, ScenarioModel{});
  io.field("rules", value.rules);
  io.field("otherwise", value.otherwise);
}

namespace {

std::string replaced(std::string text, std::string_view with) {
  constexpr std::string_view kDirectory = "{{directory}}";
  for (auto at = text.find(kDirectory); at != std::string::npos; at = text.find(kDirectory, at + with.size())) {
    text.replace(at, kDirectory.size(), with);
  }
  return text;
}

Result<void> check_reply(const Reply& reply, const std::string& where) {
  if (reply.fault && !fault_named(*reply.fault)) {
    return fail(ErrorCode::invalid,
                "Expected a fault (reset, reset-mid, eof-mid, hang, hang-mid, html, badjson, errobj, junk, empty), got "
                "{}\n  at "
                "{}[\"fault\"]",
                wire::quoted(*reply.fault), where);
  }
  if (reply.status && (*reply.status < 200 || *reply.status > 599)) {
    return fail(ErrorCode::invalid, "Expected an HTTP status, got {}\n  at {}[\"status\"]", *reply.status, where);
  }
  for (const auto& [value, name] : {std::pair{reply.delay_ms, "delay_ms"}, {reply.delta_ms, "delta_ms"}}) {
    if (value && (*value < 0 || *value > 3'600'000)) {
      return fail(ErrorCode::invalid, "Expected milliseconds up to an hour, got {}\n  at {}[\"{}\"]", *value, where,
                  name);
    }
  }
  return {};
}

bool contains(const std::optional<std::string>& wanted, const std::string& text) {
  return !wanted || text.contains(*wanted);
}

bool matches(const When& when, const Conversation& conversation) {
  return contains(when.user_contains, conversation.user) && contains(when.system_contains, conversation.system) &&
         contains(when.tool_result_contains, conversation.newest_results) &&
         (!when.step || *when.step == conversation.step);
}

Script script_of_reply(const Reply& reply, const Conversation& conversation) {
  const std::string directory = conversation.directory();
  std::string escaped = wire::quoted(directory);
  escaped = escaped.substr(1, escaped.size() - 2);

  Script script;
  script.delay_ms = reply.delay_ms.value_or(0);
  script.delta_ms = reply.delta_ms.value_or(0);
  if (reply.reasoning) script.reasoning = words(replaced(*reply.reasoning, directory));
  if (reply.text) script.text = words(replaced(*reply.text, directory));
  for (const auto& call : reply.tool_calls.value_or(std::vector<ReplyCall>{})) {
    const auto raw = wire::parse(call.arguments.text);
    script.calls.push_back({call.name, raw && raw->is_string() ? replaced(std::string(raw->get_string()), directory)
                                                               : replaced(call.arguments.text, escaped)});
  }
  if (!script.calls.empty()) {
    script.kind = "tool";
    script.finish = "tool_calls";
  }
  if (reply.finish) script.finish = *reply.finish;
  script.completion_tokens =
      static_cast<std::int64_t>(script.reasoning.size() + script.text.size() + script.calls.size());
  if (reply.usage) {
    script.prompt_tokens = reply.usage->prompt_tokens.value_or(script.prompt_tokens);
    script.completion_tokens = reply.usage->completion_tokens.value_or(script.completion_tokens);
  }
  if (reply.status && *reply.status != 200) {
    script.kind = "error";
    script.status = *reply.status;
    script.error = reply.text.value_or(fmt::format("fake failure {}", *reply.status));
  }
  if (reply.fault) {
    script.kind = "fault";
    script.fault = *fault_named(*reply.fault);
  }
  return script;
}

}  // namespace

Result<Scenario> parse_scenario(std::string_view text, std::string_view file) {
  auto json = wire::parse(text, {.syntax = wire::JsonSyntax::relaxed});
  if (!json) return std::unexpected(std::move(json).error().in("{}", file));
  auto scenario = wire::decode<Scenario>(*json);
  if (!scenario) return std::unexpected(std::move(scenario).error().in("{}", file));
  for (std::size_t i = 0; i < scenario->rules.size(); ++i) {
    if (auto checked = check_reply(scenario->rules[i].reply, fmt::format("[\"rules\"][{}][\"reply\"]", i)); !checked) {
      return std::unexpected(std::move(checked).error().in("{}", file));
    }
  }
  if (scenario->otherwise) {
    if (auto checked = check_reply(*scenario->otherwise, "[\"otherwise\"]"); !checked) {
      return std::unexpected(std::move(checked).error().in("{}", file));
    }
  }
  return scenario;
}

std::optional<Script> script_of_scenario(const Scenario& scenario, const Conversation& conversation) {
  for (const auto& rule : scenario.rules) {
    if (matches(rule.when, conversation)) return script_of_reply(rule.reply, conversation);
  }
  if (scenario.otherwise) return script_of_reply(*scenario.otherwise, conversation);
  return std::nullopt;
}

}  // namespace quarterdeck::llm::scripted
