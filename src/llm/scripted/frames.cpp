#include "llm/scripted/frames.hpp"

#include "wire/json.hpp"

namespace quarterdeck::llm::scripted {
namespace {

// Deltas that a "mid" fault lets through.
constexpr std::size_t kDeltasBeforeFault = 3;

std::string chunk(std::string_view model, std::string_view delta, std::string_view finish = {}) {
  return fmt::format(
      "data: {{\"id\":\"scripted\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":{},"
      "\"choices\":[{{\"index\":0,\"delta\":{},\"finish_reason\":{}}}]}}\n\n",
      wire::quoted(model), delta, finish.empty() ? "null" : wire::quoted(finish));
}

std::string usage_json(const Script& script) {
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})", script.prompt_tokens,
                     script.completion_tokens, script.prompt_tokens + script.completion_tokens);
}

std::string call_id(std::size_t index) {
  // Unique enough in one session, which is all that ids of calls promise.
  static std::uint64_t counter = 0;
  return fmt::format("call_{:x}_{}", ++counter, index);
}

}  // namespace

Frames frames_of(const Script& script, std::string_view model) {
  Frames frames;
  frames.before.push_back(chunk(model, R"({"role":"assistant","content":""})"));
  if (script.fault == Fault::reset) return {};
  for (const auto& piece : script.reasoning) {
    frames.before.push_back(chunk(model, fmt::format(R"({{"reasoning_content":{}}})", wire::quoted(piece))));
  }
  for (const auto& piece : script.text) {
    frames.before.push_back(chunk(model, fmt::format(R"({{"content":{}}})", wire::quoted(piece))));
  }
  switch (script.fault) {
    case Fault::reset_mid:
    case Fault::eof_mid:
    case Fault::hang_mid:
    case Fault::bad_json:
    case Fault::error_object:
      frames.before.resize(std::min(frames.before.size(), kDeltasBeforeFault + 1));
      if (script.fault == Fault::bad_json) frames.after.push_back("data: {\"id\":\"scripted\",\"choices\":[{\n\n");
      if (script.fault == Fault::error_object) {
        frames.after.push_back("data: " + error_document(503, "fake failure in the stream") + "\n\n");
      }
      return frames;
    default: break;
  }
  std::size_t index = 0;
  for (const auto& call : script.calls) {
    frames.after.push_back(chunk(
        model,
        fmt::format(
            R"({{"tool_calls":[{{"index":{},"id":"{}","type":"function","function":{{"name":{},"arguments":""}}}}]}})",
            index, call_id(index), wire::quoted(call.name))));
    frames.after.push_back(
        chunk(model, fmt::format(R"({{"tool_calls":[{{"index":{},"function":{{"arguments":{}}}}}]}})", index,
                                 wire::quoted(call.arguments))));
    ++index;
  }
  frames.after.push_back(chunk(model, "{}", script.finish));
  frames.after.push_back(fmt::format(
      "data: {{\"id\":\"scripted\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":{},\"choices\":[],"
      "\"usage\":{}}}\n\n",
      wire::quoted(model), usage_json(script)));
  frames.after.push_back("data: [DONE]\n\n");
  return frames;
}

std::string marked_frame(const MarkedDeltas& marked, std::string_view model, std::uint64_t stream, std::int64_t number,
                         std::int64_t now_ns) {
  std::string text = fmt::format("@{:x}.{:x}.{:x};", stream, number, now_ns);
  for (auto at = static_cast<std::int64_t>(text.size()); at < marked.bytes_min; ++at) {
    text += at % 7 == 0 ? ' ' : static_cast<char>('a' + at % 26);
  }
  const std::string_view field = number < marked.reasoning ? "reasoning_content" : "content";
  return chunk(model, fmt::format(R"({{"{}":"{}"}})", field, text));
}

std::string document_of(const Script& script, std::string_view model) {
  std::string text;
  for (const auto& piece : script.text) text += piece;
  std::string reasoning;
  for (const auto& piece : script.reasoning) reasoning += piece;
  std::string calls;
  std::size_t index = 0;
  for (const auto& call : script.calls) {
    calls +=
        fmt::format(R"({}{{"id":"{}","type":"function","function":{{"name":{},"arguments":{}}}}})",
                    calls.empty() ? "" : ",", call_id(index), wire::quoted(call.name), wire::quoted(call.arguments));
    ++index;
  }
  return fmt::format(
      R"({{"id":"scripted","object":"chat.completion","created":1,"model":{},"choices":[{{"index":0,"message":{{"role":"assistant","content":{}{}{}}},"finish_reason":{}}}],"usage":{}}})",
      wire::quoted(model), wire::quoted(text),
      reasoning.empty() ? "" : ",\"reasoning_content\":" + wire::quoted(reasoning),
      calls.empty() ? "" : ",\"tool_calls\":[" + calls + "]", wire::quoted(script.finish), usage_json(script));
}

std::string error_document(int status, std::string_view message) {
  const std::string_view type = status == 429   ? "rate_limit_error"
                                : status >= 500 ? "server_error"
                                                : "invalid_request_error";
  return fmt::format(R"({{"error":{{"message":{},"type":"{}","code":{}}}}})", wire::quoted(message), type, status);
}

}  // namespace quarterdeck::llm::scripted
