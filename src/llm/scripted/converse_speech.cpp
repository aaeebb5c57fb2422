#include <set>

#include "llm/bedrock/event_stream.hpp"
#include "llm/scripted/speech.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::scripted {
namespace {

std::string frame(std::string_view type, std::string payload) {
  return bedrock::event_stream_message({.headers = {{":event-type", std::string(type)},
                                                    {":content-type", "application/json"},
                                                    {":message-type", "event"}},
                                        .payload = std::move(payload)});
}

std::string_view stop_reason(const Script& script) {
  if (script.refuses || script.finish == "content_filter") return "content_filtered";
  if (script.finish == "tool_calls") return "tool_use";
  return script.finish == "length" ? "max_tokens" : "end_turn";
}

std::string usage_json(const Script& script) {
  return fmt::format(
      R"({{"inputTokens":{},"outputTokens":{},"totalTokens":{},"cacheReadInputTokens":{},"cacheWriteInputTokens":0}})",
      script.prompt_tokens - script.cached_tokens, script.completion_tokens,
      script.prompt_tokens + script.completion_tokens, script.cached_tokens);
}

class Writer final : public AnswerWriter {
 public:
  explicit Writer(const Script& script) : script_(script) {}

  std::string start() override { return frame("messageStart", R"({"role":"assistant"})"); }
  std::string open_reasoning() override {
    thought_at_ = blocks_++;
    return {};
  }
  std::string reasoning(std::string_view piece) override {
    return delta(thought_at_, fmt::format(R"({{"reasoningContent":{{"text":{}}}}})", wire::quoted(piece)));
  }
  std::string close_reasoning() override {
    return delta(thought_at_, fmt::format(R"({{"reasoningContent":{{"signature":"{}"}}}})",
                                          signature_of(joined(script_.reasoning)))) +
           stop(thought_at_);
  }
  std::string open_text() override {
    text_at_ = blocks_++;
    return {};
  }
  std::string text(std::string_view piece) override {
    return delta(text_at_, fmt::format(R"({{"text":{}}})", wire::quoted(piece)));
  }
  std::string close_text() override { return stop(text_at_); }
  std::vector<std::string> call(std::size_t, const ScriptedCall& call) override {
    const int index = blocks_++;
    const auto [begin, end] = halves(call.arguments);
    const auto piece = [&](std::string_view json) {
      return delta(index, fmt::format(R"({{"toolUse":{{"input":{}}}}})", wire::quoted(json)));
    };
    return {frame("contentBlockStart",
                  fmt::format(R"({{"start":{{"toolUse":{{"toolUseId":"{}","name":{}}}}},"contentBlockIndex":{}}})",
                              next_id("tooluse_"), wire::quoted(call.name), index)),
            piece(begin), piece(end) + stop(index)};
  }
  std::vector<std::string> finish() override {
    return {frame("messageStop", fmt::format(R"({{"stopReason":"{}"}})", stop_reason(script_))),
            frame("metadata", fmt::format(R"({{"usage":{},"metrics":{{"latencyMs":1}}}})", usage_json(script_)))};
  }
  std::string broken() override {
    auto bytes = text("x");
    bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);
    return bytes;
  }
  std::string error(int, std::string_view message) override {
    return bedrock::event_stream_message({.headers = {{":exception-type", "serviceUnavailableException"},
                                                      {":content-type", "application/json"},
                                                      {":message-type", "exception"}},
                                          .payload = fmt::format(R"({{"message":{}}})", wire::quoted(message))});
  }

 private:
  static std::string delta(int index, std::string_view delta) {
    return frame("contentBlockDelta", fmt::format(R"({{"delta":{},"contentBlockIndex":{}}})", delta, index));
  }
  static std::string stop(int index) {
    return frame("contentBlockStop", fmt::format(R"({{"contentBlockIndex":{}}})", index));
  }

  const Script& script_;
  int blocks_ = 0;
  int thought_at_ = 0;
  int text_at_ = 0;
};

std::unexpected<Error> refuse(std::string message) {
  return std::unexpected(Error{ErrorCode::invalid, std::move(message)});
}

Result<std::string> result_text(const wire::Json& result) {
  const auto* pieces = wire::array_at(result, "content");
  if (!pieces) return refuse("The content field in the ToolResult block is missing");
  std::string text;
  for (const auto& piece : *pieces) text += wire::string_at(piece, "text");
  return text;
}

Result<std::vector<Said>> said_by(const wire::Json& body) {
  std::vector<Said> said;
  if (const auto* system = wire::array_at(body, "system")) {
    Said words{"system", "", false, false};
    for (const auto& block : *system) words.text += wire::string_at(block, "text");
    said.push_back(std::move(words));
  }
  const auto* messages = wire::array_at(body, "messages");
  if (!messages || messages->empty()) return refuse("The messages field is required");
  std::set<std::string> open;
  std::string before;
  for (const auto& message : *messages) {
    const auto role = wire::string_at(message, "role");
    if (role == before || (role != "user" && role != "assistant")) {
      return refuse(
          "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
          "between user and assistant roles and try again.");
    }
    if (before.empty() && role != "user") return refuse("A conversation must start with a user message.");
    before = role;
    const auto* content = wire::array_at(message, "content");
    if (!content || content->empty()) return refuse("The content field in the Message object is empty.");
    Said spoken{role, "", false, false};
    bool results = false;
    std::set<std::string> calls;
    for (const auto& block : *content) {
      if (const auto* text = wire::value_at(block, "text")) {
        const auto words = wire::string_at(block, "text");
        if (!text->is_string() || words.find_first_not_of(" \t\r\n") == std::string::npos) {
          return refuse("The text field in the ContentBlock object is blank.");
        }
        spoken.text += (spoken.text.empty() ? "" : "\n") + words;
      } else if (const auto* call = wire::value_at(block, "toolUse")) {
        if (!wire::value_at(body, "toolConfig")) {
          return refuse("The toolConfig field must be defined when using toolUse and toolResult content blocks.");
        }
        const auto* input = wire::value_at(*call, "input");
        if (!input || !input->is_object()) return refuse("The format of the value at toolUse.input is invalid");
        calls.insert(wire::string_at(*call, "toolUseId"));
        spoken.calls = true;
      } else if (const auto* result = wire::value_at(block, "toolResult")) {
        if (open.erase(wire::string_at(*result, "toolUseId")) == 0) {
          return refuse("The number of toolResult blocks exceeds the number of toolUse blocks of previous turn.");
        }
        TRY(auto output, result_text(*result));
        said.push_back({"tool", std::move(output), false, false});
        results = true;
      } else if (const auto* thought = wire::value_at(block, "reasoningContent")) {
        const auto* words = wire::value_at(*thought, "reasoningText");
        if (words && wire::string_at(*words, "signature") != signature_of(wire::string_at(*words, "text"))) {
          return refuse("Invalid `signature` in `thinking` block");
        }
      } else if (wire::value_at(block, "image") || wire::value_at(block, "document")) {
        spoken.files = true;
      }
    }
    if (!open.empty()) return refuse("Expected toolResult blocks at messages for the following Ids: " + *open.begin());
    open = std::move(calls);
    if (!results || !spoken.text.empty()) said.push_back(std::move(spoken));
  }
  if (!open.empty()) return refuse("Expected toolResult blocks for the following Ids: " + *open.begin());
  return said;
}

class Converse final : public Speech {
 public:
  Result<Conversation> read(std::string_view body) const override {
    TRY(const auto json, wire::parse(body));
    TRY(const auto said, said_by(json));
    Conversation conversation{.stream = true};
    const auto* config = wire::value_at(json, "toolConfig");
    if (const auto* tools = config ? wire::array_at(*config, "tools") : nullptr) {
      for (const auto& tool : *tools) {
        const auto* spec = wire::value_at(tool, "toolSpec");
        if (spec) add_tool(conversation, wire::string_at(*spec, "name"));
      }
    }
    fold(said, conversation);
    return conversation;
  }
  std::unique_ptr<AnswerWriter> writer(const Script& script, std::string_view) const override {
    return std::make_unique<Writer>(script);
  }
  std::string document(const Script& script, std::string_view) const override {
    std::string content;
    const auto add = [&](std::string block) { content += (content.empty() ? "" : ",") + std::move(block); };
    if (!script.text.empty()) add(fmt::format(R"({{"text":{}}})", wire::quoted(joined(script.text))));
    for (const auto& call : script.calls) {
      add(fmt::format(R"({{"toolUse":{{"toolUseId":"{}","name":{},"input":{}}}}})", next_id("tooluse_"),
                      wire::quoted(call.name), wire::parse(call.arguments) ? call.arguments : "{}"));
    }
    return fmt::format(
        R"({{"output":{{"message":{{"role":"assistant","content":[{}]}}}},"stopReason":"{}","usage":{},"metrics":{{"latencyMs":1}}}})",
        content, stop_reason(script), usage_json(script));
  }
  std::string error(int, std::string_view message) const override {
    return fmt::format(R"({{"message":{}}})", wire::quoted(message));
  }
  std::string_view content_type() const override { return "application/vnd.amazon.eventstream"; }
};

}  // namespace

const Speech& converse_speech() {
  static const Converse speech;
  return speech;
}

}  // namespace quarterdeck::llm::scripted
