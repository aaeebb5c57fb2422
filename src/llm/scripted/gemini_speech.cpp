#include "llm/scripted/speech.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::scripted {
namespace {

std::string usage_json(const Script& script) {
  const auto thoughts = static_cast<std::int64_t>(script.reasoning.size());
  const auto said = std::max<std::int64_t>(script.completion_tokens - thoughts, 0);
  return fmt::format(
      R"({{"promptTokenCount":{},"candidatesTokenCount":{},"thoughtsTokenCount":{},"cachedContentTokenCount":{},"totalTokenCount":{}}})",
      script.prompt_tokens, said, thoughts, script.cached_tokens, script.prompt_tokens + said + thoughts);
}

bool is_object(std::string_view json) {
  const auto parsed = wire::parse(json);
  return parsed && parsed->is_object();
}

// Arguments come whole in this protocol: what is no object cannot be said.
bool malformed(const Script& script) {
  for (const auto& call : script.calls) {
    if (!is_object(call.arguments)) return true;
  }
  return false;
}

std::string_view finish_reason(const Script& script) {
  if (malformed(script)) return "MALFORMED_FUNCTION_CALL";
  if (script.refuses || script.finish == "content_filter") return "SAFETY";
  return script.finish == "length" ? "MAX_TOKENS" : "STOP";
}

// One chunk; `usage` and `finish` are in the last one only.
std::string answer(std::string_view model, std::string_view parts, std::string_view finish = {},
                   std::string_view usage = {}) {
  return fmt::format(
      R"({{"candidates":[{{"content":{{"role":"model","parts":[{}]}}{},"index":0}}],"modelVersion":{},"responseId":"scripted"{}}})",
      parts, finish.empty() ? "" : fmt::format(R"(,"finishReason":"{}")", finish), wire::quoted(model),
      usage.empty() ? "" : fmt::format(R"(,"usageMetadata":{})", usage));
}

std::string call_part(std::size_t index, const ScriptedCall& call) {
  return fmt::format(R"({{"functionCall":{{"id":"{}","name":{},"args":{}}}{}}})", next_id("fc-"),
                     wire::quoted(call.name), call.arguments,
                     index == 0 ? fmt::format(R"(,"thoughtSignature":"{}")", signature_of(call.name)) : "");
}

std::string error_json(int status, std::string_view message) {
  const std::string_view word = status == 429   ? "RESOURCE_EXHAUSTED"
                                : status == 401 ? "UNAUTHENTICATED"
                                : status == 403 ? "PERMISSION_DENIED"
                                : status == 404 ? "NOT_FOUND"
                                : status == 503 ? "UNAVAILABLE"
                                : status >= 500 ? "INTERNAL"
                                                : "INVALID_ARGUMENT";
  return fmt::format(R"({{"error":{{"code":{},"message":{},"status":"{}"}}}})", status, wire::quoted(message), word);
}

class Writer final : public AnswerWriter {
 public:
  Writer(const Script& script, std::string_view model) : script_(script), model_(model) {}

  std::string start() override { return {}; }
  std::string reasoning(std::string_view piece) override {
    return event(answer(model_, fmt::format(R"({{"text":{},"thought":true}})", wire::quoted(piece))));
  }
  std::string text(std::string_view piece) override {
    return event(answer(model_, fmt::format(R"({{"text":{}}})", wire::quoted(piece))));
  }
  std::vector<std::string> call(std::size_t index, const ScriptedCall& call) override {
    if (malformed(script_)) return {};
    return {event(answer(model_, call_part(index, call)))};
  }
  std::vector<std::string> finish() override {
    return {event(answer(model_, R"({"text":""})", finish_reason(script_), usage_json(script_)))};
  }
  std::string broken() override { return "data: {\"candidates\":[{\"content\":\n\n"; }
  std::string error(int status, std::string_view message) override { return event(error_json(status, message)); }

 private:
  static std::string event(std::string_view json) { return fmt::format("data: {}\r\n\r\n", json); }

  const Script& script_;
  std::string_view model_;
};

std::unexpected<Error> refuse(std::string message) {
  return std::unexpected(Error{ErrorCode::invalid, std::move(message)});
}

Result<std::vector<Said>> said_by(const wire::Json& body) {
  std::vector<Said> said;
  if (const auto* system = wire::value_at(body, "systemInstruction")) {
    Said words{"system", "", false, false};
    if (const auto* parts = wire::array_at(*system, "parts")) {
      for (const auto& part : *parts) words.text += wire::string_at(part, "text");
    }
    said.push_back(std::move(words));
  }
  const auto* contents = wire::array_at(body, "contents");
  if (!contents || contents->empty()) return refuse("* GenerateContentRequest.contents: contents is not specified");
  std::size_t open = 0;
  for (const auto& content : *contents) {
    const auto role = wire::string_at(content, "role", "user");
    if (role != "user" && role != "model") return refuse("Please use a valid role: user, model.");
    const auto* parts = wire::array_at(content, "parts");
    if (!parts || parts->empty())
      return refuse("* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.");
    Said spoken{role == "model" ? "assistant" : "user", "", false, false};
    std::size_t calls = 0;
    std::size_t results = 0;
    for (const auto& part : *parts) {
      if (const auto* call = wire::value_at(part, "functionCall")) {
        const auto* args = wire::value_at(*call, "args");
        if (args && !args->is_object()) return refuse("Invalid JSON payload received. args: not an object");
        const auto signature = wire::string_at(part, "thoughtSignature");
        if (calls == 0 && signature.empty()) {
          return refuse(
              "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
              "correctly");
        }
        if (!signature.empty() && signature != "skip_thought_signature_validator" &&
            signature != signature_of(wire::string_at(*call, "name"))) {
          return refuse("Corrupted thought signature.");
        }
        spoken.calls = true;
        ++calls;
      } else if (const auto* response = wire::value_at(part, "functionResponse")) {
        const auto* value = wire::value_at(*response, "response");
        if (!value || !value->is_object()) return refuse("function_response.response: Cannot be empty");
        ++results;
        said.push_back({"tool", wire::string_at(*value, "output", wire::string_at(*value, "error")), false, false});
      } else if (wire::value_at(part, "inlineData")) {
        spoken.files = true;
      } else {
        const auto* thought = wire::value_at(part, "thought");
        if (!thought) spoken.text += (spoken.text.empty() ? "" : "\n") + wire::string_at(part, "text");
      }
    }
    if (role == "user" && open != results) {
      return refuse(
          "Please ensure that the number of function response parts is equal to the number of function call parts of "
          "the function call turn.");
    }
    open = calls;
    if (results == 0 || !spoken.text.empty()) said.push_back(std::move(spoken));
  }
  if (open != 0)
    return refuse("Please ensure that function call turn comes immediately before a function response turn.");
  return said;
}

class Gemini final : public Speech {
 public:
  // The model and whether to stream stand in the address.
  Result<Conversation> read(std::string_view body) const override {
    TRY(const auto json, wire::parse(body));
    TRY(const auto said, said_by(json));
    Conversation conversation{.stream = true};
    if (const auto* tools = wire::array_at(json, "tools")) {
      for (const auto& tool : *tools) {
        const auto* functions = wire::array_at(tool, "functionDeclarations");
        if (!functions) continue;
        for (const auto& function : *functions) {
          const auto name = wire::string_at(function, "name");
          if (name.empty()) return refuse("tools[0].function_declarations[0].name: Invalid function name.");
          add_tool(conversation, name);
        }
      }
    }
    fold(said, conversation);
    return conversation;
  }
  std::unique_ptr<AnswerWriter> writer(const Script& script, std::string_view model) const override {
    return std::make_unique<Writer>(script, model);
  }
  std::string document(const Script& script, std::string_view model) const override {
    std::string parts;
    const auto add = [&](std::string part) { parts += (parts.empty() ? "" : ",") + std::move(part); };
    if (!script.reasoning.empty()) {
      add(fmt::format(R"({{"text":{},"thought":true}})", wire::quoted(joined(script.reasoning))));
    }
    if (!script.text.empty()) add(fmt::format(R"({{"text":{}}})", wire::quoted(joined(script.text))));
    for (std::size_t i = 0; !malformed(script) && i < script.calls.size(); ++i) add(call_part(i, script.calls[i]));
    return answer(model, parts, finish_reason(script), usage_json(script));
  }
  std::string error(int status, std::string_view message) const override { return error_json(status, message); }
};

}  // namespace

const Speech& gemini_speech() {
  static const Gemini speech;
  return speech;
}

}  // namespace quarterdeck::llm::scripted
