#include "llm/scripted/directives.hpp"

#include <charconv>

#include "wire/json.hpp"

namespace quarterdeck::llm::scripted {
namespace {

constexpr std::size_t kRememberedMax = 10'000;
constexpr std::int64_t kDeltasMax = 10'000'000;

// The parts of "NAME:a:b" after NAME.
std::vector<std::string_view> arguments_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (auto colon = line.find(':'); colon != std::string_view::npos; colon = line.find(':')) {
    line.remove_prefix(colon + 1);
    out.push_back(line.substr(0, line.find(':')));
  }
  return out;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::int64_t count_at(const std::vector<std::string_view>& arguments, std::size_t index, std::int64_t otherwise) {
  if (index >= arguments.size()) return otherwise;
  return std::clamp<std::int64_t>(number<std::int64_t>(arguments[index]).value_or(otherwise), 0, kDeltasMax);
}

std::vector<std::string> numbered_words(std::string_view word, std::int64_t count) {
  std::vector<std::string> out;
  out.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) out.push_back(fmt::format("{}{} ", word, i));
  return out;
}

// One TOOL line. Errors: what is wrong with it, for the one who wrote the test.
Result<std::vector<ScriptedCall>> calls_of(std::string_view json) {
  TRY(const auto document, wire::parse(json));
  if (!document.is_array()) return fail(ErrorCode::invalid, "expected an array of [name, arguments] pairs");
  std::vector<ScriptedCall> calls;
  for (const auto& pair : document.get_array()) {
    const auto* parts = pair.if_array();
    if (!parts || parts->size() != 2 || !parts->front().is_string()) {
      return fail(ErrorCode::invalid, "expected [name, arguments], got {}", wire::to_text(pair));
    }
    const auto& arguments = parts->at(1);
    calls.push_back({std::string(parts->front().get_string()),
                     arguments.is_string() ? std::string(arguments.get_string()) : wire::to_text(arguments)});
  }
  return calls;
}

struct Directives {
  std::vector<std::string_view> tool_lines;
  bool preface = false;
  bool reason = false;
  bool length = false;
  bool redacted = false;
  bool refuse = false;
  bool filter = false;
  std::optional<std::int64_t> cached;
  std::optional<std::int64_t> deltas;
  std::int64_t delta_ms = 0;
  std::optional<std::int64_t> usage;
  std::optional<std::int64_t> status;
  std::int64_t status_times = 0;
  std::optional<std::int64_t> retry_after_s;
  std::string_view fault;
  std::int64_t fault_times = 0;
  bool any = false;
};

Directives read_lines(std::string_view text) {
  Directives found;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    const auto arguments = arguments_of(line);
    const auto name = line.substr(0, line.find(':'));
    const bool bare = arguments.empty();
    bool known = true;
    if (name == "TOOL" && !bare) {
      found.tool_lines.push_back(line.substr(5));
    } else if (line == "PRE") {
      found.preface = true;
    } else if (line == "REASON") {
      found.reason = true;
    } else if (line == "LEN") {
      found.length = true;
    } else if (line == "REDACTED") {
      found.reason = found.redacted = true;
    } else if (line == "REFUSE") {
      found.refuse = true;
    } else if (line == "FILTER") {
      found.filter = true;
    } else if (name == "CACHED" && !bare) {
      found.cached = count_at(arguments, 0, 0);
    } else if (name == "WORDS" && !bare) {
      found.deltas = count_at(arguments, 0, 8);
    } else if (name == "SLOW" && !bare) {
      found.deltas = count_at(arguments, 0, 8);
      found.delta_ms = count_at(arguments, 1, 100);
    } else if (name == "USAGE" && !bare) {
      found.usage = count_at(arguments, 0, 100);
    } else if (name == "ERR" && !bare) {
      found.status = std::clamp<std::int64_t>(count_at(arguments, 0, 500), 400, 599);
      found.status_times = count_at(arguments, 1, 0);
    } else if (name == "RETRYAFTER" && !bare) {
      found.retry_after_s = count_at(arguments, 0, 1);
    } else if (name == "FAULT" && !bare) {
      found.fault = arguments[0];
      found.fault_times = count_at(arguments, 1, 0);
    } else {
      known = false;
    }
    found.any |= known;
  }
  return found;
}

Script failed_directive(std::string message) {
  return {.kind = "error", .status = 400, .error = "scripted model: " + std::move(message)};
}

}  // namespace

bool Memory::take(const std::string& key, std::int64_t times) {
  if (times == 0) return true;
  if (seen_.size() >= kRememberedMax && !seen_.contains(key)) seen_.clear();
  return seen_[key]++ < times;
}

std::optional<Script> script_of_directives(const Conversation& conversation, Memory& memory) {
  const auto found = read_lines(conversation.user);
  if (!found.any) return std::nullopt;
  const std::string key = conversation.session + '\n' + conversation.user;

  if (found.status && memory.take("ERR" + key, found.status_times)) {
    return Script{.kind = "error",
                  .status = static_cast<int>(*found.status),
                  .error = fmt::format("fake failure {}", *found.status),
                  .retry_after_s = found.retry_after_s};
  }

  Script script;
  script.delta_ms = found.delta_ms;
  script.prompt_tokens = found.usage.value_or(100);
  script.cached_tokens = std::min(found.cached.value_or(0), script.prompt_tokens);
  script.redacted = found.redacted;
  if (found.reason) script.reasoning = numbered_words("think", 3);

  const bool faulty = !found.fault.empty() && memory.take("FAULT" + key, found.fault_times);
  const auto call_tools = [&](std::vector<ScriptedCall> calls) {
    script.kind = "tool";
    script.finish = "tool_calls";
    script.calls = std::move(calls);
    if (found.preface) script.text = words("I will call a tool. ");
  };
  const auto tool = conversation.first_tool.empty() ? "bash" : conversation.first_tool;
  if (faulty && found.fault == "trunc-tool") {
    call_tools({{tool, R"({"command":"echo cut off he)"}});
    return script;
  }
  if (faulty && found.fault == "overflow") {
    return Script{.kind = "fault", .status = 400, .error = "prompt is too long: 250000 tokens > 200000 maximum"};
  }
  if (faulty && found.fault == "bad-args") {
    call_tools({{tool, R"(["not", "an object"])"}});
    return script;
  }
  if (faulty && found.fault == "unknown-tool") {
    call_tools({{"no_such_tool", R"({"a":1})"}});
    return script;
  }
  if (faulty && found.fault == "huge") {
    script.text = {std::string(10'000'000, 'x')};
    return script;
  }
  if (faulty && found.fault == "period") {
    const auto text = fmt::format(R"({{"command":"echo {}","description":"Goes round"}})", conversation.step % 3);
    call_tools({{tool, text}});
    return script;
  }
  if (faulty && found.fault == "loop-tool") {
    call_tools({{tool, R"({"command":"true","description":"Does nothing, again"})"}});
    if (!found.tool_lines.empty()) {
      if (auto calls = calls_of(found.tool_lines.front())) script.calls = std::move(*calls);
    }
    return script;
  }

  const auto step = static_cast<std::size_t>(conversation.step);
  if (step < found.tool_lines.size()) {
    auto calls = calls_of(found.tool_lines[step]);
    if (!calls) return failed_directive(fmt::format("TOOL line {}: {}", step + 1, calls.error().message));
    call_tools(std::move(*calls));
  } else if (found.deltas) {
    script.text = numbered_words("word", *found.deltas);
    script.completion_tokens = *found.deltas;
  } else if (!found.tool_lines.empty()) {
    script.text = {"Done."};
  } else {
    script.text = numbered_words("word", 8);
  }
  if (found.length && script.calls.empty()) script.finish = "length";
  if (found.filter && script.calls.empty()) script.finish = "content_filter";
  if (found.refuse && script.calls.empty()) {
    script.refuses = true;
    script.text = words("I cannot help with that.");
  }

  if (faulty) {
    const auto fault = fault_named(found.fault);
    if (!fault) return failed_directive(fmt::format("there is no fault \"{}\"", found.fault));
    script.kind = "fault";
    script.fault = *fault;
  }
  return script;
}

std::optional<Script> script_of_bench(const Conversation& conversation) {
  const std::string_view text = conversation.user;
  const auto start = text.rfind("[[bench");
  if (start == std::string_view::npos) return std::nullopt;
  auto keys = text.substr(start + 7, text.find("]]", start) - start - 7);
  std::int64_t steps = 0;
  std::int64_t parallel = 1;
  std::string tool = "bash";
  std::string command = "true";
  MarkedDeltas marked;
  Script script{.kind = "bench"};
  constexpr std::string_view kSeparators = " \r\n,&";
  while (!keys.empty()) {
    const auto from = std::min(keys.find_first_not_of(kSeparators), keys.size());
    keys.remove_prefix(from);
    const auto pair = keys.substr(0, keys.find_first_of(kSeparators));
    keys.remove_prefix(pair.size());
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const auto key = pair.substr(0, equals);
    const auto value = pair.substr(equals + 1);
    const auto count = std::clamp<std::int64_t>(number<std::int64_t>(value).value_or(0), 0, kDeltasMax);
    if (key == "deltas") marked.text = count;
    if (key == "think") marked.reasoning = count;
    if (key == "rate") marked.per_second = std::clamp(number<double>(value).value_or(0), 0.0, 1e6);
    if (key == "size") marked.bytes_min = std::min<std::int64_t>(count, 1'000'000);
    if (key == "tools") steps = count;
    if (key == "par") parallel = std::clamp<std::int64_t>(count, 1, 64);
    if (key == "tool") tool = value;
    if (key == "cmd") command = value;
    if (key == "delay") script.delay_ms = count;
    if (key == "usage") script.prompt_tokens = count;
  }
  if (conversation.tool_results < steps * parallel) {
    script.finish = "tool_calls";
    const auto arguments = fmt::format(R"({{"command":{},"description":"bench step"}})", wire::quoted(command));
    script.calls.assign(static_cast<std::size_t>(parallel), {tool, arguments});
    script.completion_tokens = 1;
    return script;
  }
  script.completion_tokens = marked.text + marked.reasoning;
  script.marked = marked;
  return script;
}

}  // namespace quarterdeck::llm::scripted
