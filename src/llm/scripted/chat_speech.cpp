#include "llm/scripted/speech.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::scripted {
namespace {

std::string usage_json(const Script& script) {
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}{}}})", script.prompt_tokens,
                     script.completion_tokens, script.prompt_tokens + script.completion_tokens,
                     script.cached_tokens == 0
                         ? ""
                         : fmt::format(R"(,"prompt_tokens_details":{{"cached_tokens":{}}})", script.cached_tokens));
}

std::string chunk(std::string_view model, std::string_view delta, std::string_view finish = {}) {
  return fmt::format(
      "data: {{\"id\":\"scripted\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":{},"
      "\"choices\":[{{\"index\":0,\"delta\":{},\"finish_reason\":{}}}]}}\n\n",
      wire::quoted(model), delta, finish.empty() ? "null" : wire::quoted(finish));
}

std::string chat_document(const Script& script, std::string_view model) {
  std::string text;
  for (const auto& piece : script.text) text += piece;
  std::string reasoning;
  for (const auto& piece : script.reasoning) reasoning += piece;
  std::string calls;
  for (const auto& call : script.calls) {
    calls +=
        fmt::format(R"({}{{"id":"{}","type":"function","function":{{"name":{},"arguments":{}}}}})",
                    calls.empty() ? "" : ",", next_id("call_"), wire::quoted(call.name), wire::quoted(call.arguments));
  }
  return fmt::format(
      R"({{"id":"scripted","object":"chat.completion","created":1,"model":{},"choices":[{{"index":0,"message":{{"role":"assistant","content":{}{}{}}},"finish_reason":{}}}],"usage":{}}})",
      wire::quoted(model), wire::quoted(text),
      reasoning.empty() ? "" : ",\"reasoning_content\":" + wire::quoted(reasoning),
      calls.empty() ? "" : ",\"tool_calls\":[" + calls + "]", wire::quoted(script.finish), usage_json(script));
}

std::string chat_error(int status, std::string_view message) {
  const std::string_view type = status == 429   ? "rate_limit_error"
                                : status >= 500 ? "server_error"
                                                : "invalid_request_error";
  return fmt::format(R"({{"error":{{"message":{},"type":"{}","code":{}}}}})", wire::quoted(message), type, status);
}

class Writer final : public AnswerWriter {
 public:
  Writer(const Script& script, std::string_view model) : script_(script), model_(model) {}

  std::string start() override { return chunk(model_, R"({"role":"assistant","content":""})"); }
  std::string reasoning(std::string_view piece) override {
    return chunk(model_, fmt::format(R"({{"reasoning_content":{}}})", wire::quoted(piece)));
  }
  std::string text(std::string_view piece) override {
    const bool refuses = script_.refuses;
    return chunk(model_, fmt::format(R"({{"{}":{}}})", refuses ? "refusal" : "content", wire::quoted(piece)));
  }
  std::vector<std::string> call(std::size_t index, const ScriptedCall& call) override {
    return {
        chunk(
            model_,
            fmt::format(
                R"({{"tool_calls":[{{"index":{},"id":"{}","type":"function","function":{{"name":{},"arguments":""}}}}]}})",
                index, next_id("call_"), wire::quoted(call.name))),
        chunk(model_, fmt::format(R"({{"tool_calls":[{{"index":{},"function":{{"arguments":{}}}}}]}})", index,
                                  wire::quoted(call.arguments)))};
  }
  std::vector<std::string> finish() override {
    return {chunk(model_, "{}", script_.finish),
            fmt::format("data: {{\"id\":\"scripted\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":{},"
                        "\"choices\":[],\"usage\":{}}}\n\n",
                        wire::quoted(model_), usage_json(script_)),
            "data: [DONE]\n\n"};
  }
  std::string broken() override { return "data: {\"id\":\"scripted\",\"choices\":[{\n\n"; }
  std::string error(int status, std::string_view message) override {
    return "data: " + chat_error(status, message) + "\n\n";
  }

 private:
  const Script& script_;
  std::string_view model_;
};

class Chat final : public Speech {
 public:
  Result<Conversation> read(std::string_view body) const override { return read_conversation(body); }
  std::unique_ptr<AnswerWriter> writer(const Script& script, std::string_view model) const override {
    return std::make_unique<Writer>(script, model);
  }
  std::string document(const Script& script, std::string_view model) const override {
    return chat_document(script, model);
  }
  std::string error(int status, std::string_view message) const override { return chat_error(status, message); }
};

}  // namespace

const Speech& chat_speech() {
  static const Chat speech;
  return speech;
}

}  // namespace quarterdeck::llm::scripted
