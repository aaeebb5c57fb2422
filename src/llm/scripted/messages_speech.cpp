#include <algorithm>
#include <set>

#include "base/encoding.hpp"
#include "llm/scripted/speech.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::scripted {
namespace {

std::string sse(std::string_view type, std::string_view members) {
  return fmt::format("event: {0}\ndata: {{\"type\":\"{0}\"{1}{2}}}\n\n", type, members.empty() ? "" : ",", members);
}

std::string_view stop_reason(const Script& script) {
  if (script.refuses || script.finish == "content_filter") return "refusal";
  if (script.finish == "tool_calls") return "tool_use";
  return script.finish == "length" ? "max_tokens" : "end_turn";
}

std::string usage_json(const Script& script) {
  return fmt::format(
      R"({{"input_tokens":{},"cache_creation_input_tokens":0,"cache_read_input_tokens":{},"output_tokens":{}}})",
      script.prompt_tokens - script.cached_tokens, script.cached_tokens, script.completion_tokens);
}

std::string message_json(const Script& script, std::string_view model, std::string_view content, bool whole) {
  return fmt::format(
      R"({{"id":"{}","type":"message","role":"assistant","model":{},"content":[{}],"stop_reason":{},"stop_sequence":null,"usage":{}}})",
      next_id("msg_"), wire::quoted(model), content, whole ? wire::quoted(stop_reason(script)) : "null",
      usage_json(script));
}

class Writer final : public AnswerWriter {
 public:
  Writer(const Script& script, std::string_view model) : script_(script), model_(model) {}

  std::string start() override {
    return sse("message_start", "\"message\":" + message_json(script_, model_, "", false)) + sse("ping", "");
  }
  std::string open_reasoning() override {
    return open(R"({"type":"thinking","thinking":"","signature":""})", thinking_);
  }
  std::string reasoning(std::string_view piece) override {
    return delta(thinking_, fmt::format(R"({{"type":"thinking_delta","thinking":{}}})", wire::quoted(piece)));
  }
  std::string close_reasoning() override {
    auto out = delta(thinking_, fmt::format(R"({{"type":"signature_delta","signature":"{}"}})",
                                            signature_of(joined(script_.reasoning)))) +
               close(thinking_);
    if (script_.redacted) {
      int block = 0;
      out += open(fmt::format(R"({{"type":"redacted_thinking","data":"{}"}})", signature_of("redacted")), block);
      out += close(block);
    }
    return out;
  }
  std::string open_text() override { return open(R"({"type":"text","text":""})", text_); }
  std::string text(std::string_view piece) override {
    return delta(text_, fmt::format(R"({{"type":"text_delta","text":{}}})", wire::quoted(piece)));
  }
  std::string close_text() override { return close(text_); }
  std::vector<std::string> call(std::size_t, const ScriptedCall& call) override {
    int block = 0;
    const auto [begin, end] = halves(call.arguments);
    const auto piece = [&](std::string_view json) {
      return delta(block, fmt::format(R"({{"type":"input_json_delta","partial_json":{}}})", wire::quoted(json)));
    };
    auto opened = open(fmt::format(R"({{"type":"tool_use","id":"{}","name":{},"input":{{}}}})", next_id("toolu_"),
                                   wire::quoted(call.name)),
                       block);
    return {opened + piece(""), piece(begin), piece(end) + close(block)};
  }
  std::vector<std::string> finish() override {
    return {sse("message_delta",
                fmt::format(R"("delta":{{"stop_reason":"{}","stop_sequence":null}},"usage":{{"output_tokens":{}}})",
                            stop_reason(script_), script_.completion_tokens)),
            sse("message_stop", "")};
  }
  std::string broken() override {
    return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"in\n\n";
  }
  std::string error(int, std::string_view message) override {
    return sse("error", fmt::format(R"("error":{{"type":"overloaded_error","message":{}}})", wire::quoted(message)));
  }

 private:
  std::string open(std::string_view block, int& index) {
    index = blocks_++;
    return sse("content_block_start", fmt::format(R"("index":{},"content_block":{})", index, block));
  }
  std::string delta(int index, std::string_view delta) {
    return sse("content_block_delta", fmt::format(R"("index":{},"delta":{})", index, delta));
  }
  std::string close(int index) { return sse("content_block_stop", fmt::format(R"("index":{})", index)); }

  const Script& script_;
  std::string_view model_;
  int blocks_ = 0;
  int thinking_ = 0;
  int text_ = 0;
};

// What the real service refuses and clients get wrong.
class Checker {
 public:
  explicit Checker(const wire::Json& body) : body_(body) {}

  Result<std::vector<Said>> check() {
    const auto* messages = wire::array_at(body_, "messages");
    if (!messages || messages->empty()) return refuse("messages: at least one message is required");
    if (wire::string_at(body_, "model").empty()) return refuse("model: Field required");
    const auto max_tokens = wire::int_at(body_, "max_tokens");
    if (max_tokens < 1) return refuse("max_tokens: Field required");
    const auto* thinking = wire::value_at(body_, "thinking");
    thinks_ = thinking && wire::string_at(*thinking, "type") == "enabled";
    if (thinks_ && wire::int_at(*thinking, "budget_tokens") >= max_tokens) {
      return refuse("`max_tokens` must be greater than `thinking.budget_tokens`");
    }
    if (thinks_ && wire::value_at(body_, "temperature")) {
      return refuse("`temperature` may only be set to 1 when thinking is enabled");
    }
    std::vector<Said> said;
    if (const auto* system = wire::array_at(body_, "system")) {
      for (const auto& block : *system) {
        breakpoints_ += wire::value_at(block, "cache_control") ? 1 : 0;
        said.push_back({"system", wire::string_at(block, "text"), false, false});
      }
    } else {
      said.push_back({"system", wire::string_at(body_, "system"), false, false});
    }
    const auto& all = *messages;
    for (std::size_t i = 0; i < all.size(); ++i) TRY_VOID(message(all[i], i, said));
    if (!open_.empty()) return refuse("`tool_use` ids were found without `tool_result` blocks immediately after");
    if (thinks_ && unthought_) {
      return refuse(
          "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a "
          "final `assistant` message must start with a thinking block");
    }
    if (breakpoints_ > 4) return refuse("A maximum of 4 blocks with cache_control may be provided");
    if (wire::string_at(all.back(), "role") == "assistant") {
      return refuse(
          "This model does not support assistant message prefill. The conversation must end with a user message.");
    }
    return said;
  }

 private:
  static std::unexpected<Error> refuse(std::string message) {
    return std::unexpected(Error{ErrorCode::invalid, std::move(message)});
  }

  Result<void> message(const wire::Json& message, std::size_t index, std::vector<Said>& said) {
    const auto role = wire::string_at(message, "role");
    if (role != "user" && role != "assistant")
      return refuse(fmt::format("messages.{}: role: Input should be 'user' or 'assistant'", index));
    const auto* content = wire::value_at(message, "content");
    if (content && content->is_string()) {
      if (content->get_string().empty())
        return refuse(fmt::format("messages.{}: text content must be non-empty", index));
      said.push_back({role, std::string(content->get_string()), false, false});
      if (role == "user") unthought_ = turn_begun_ = false;
      return {};
    }
    if (!content || !content->is_array() || content->get_array().empty())
      return refuse(fmt::format("messages.{}: content: at least one block is required", index));
    Said spoken{role, "", false, false};
    const auto results_before = said.size();
    bool first = true;
    std::set<std::string> calls;
    for (const auto& block : content->get_array()) {
      breakpoints_ += wire::value_at(block, "cache_control") ? 1 : 0;
      const auto type = wire::string_at(block, "type");
      if (type == "text") {
        const auto text = wire::string_at(block, "text");
        if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
          return refuse("messages: text content blocks must contain non-whitespace text");
        }
        spoken.text += (spoken.text.empty() ? "" : "\n") + text;
      } else if (type == "tool_use" && role == "assistant") {
        const auto* input = wire::value_at(block, "input");
        if (!input || !input->is_object()) return refuse("tool_use.input: Input should be a valid dictionary");
        if (!wire::array_at(body_, "tools"))
          return refuse("Requests which include `tool_use` blocks must define tools");
        if (!turn_begun_ && !thought_) unthought_ = true;
        turn_begun_ = true;
        calls.insert(wire::string_at(block, "id"));
        spoken.calls = true;
      } else if (type == "tool_result" && role == "user") {
        if (!spoken.text.empty() || spoken.files) return refuse("tool_result blocks must come first in the content");
        if (open_.erase(wire::string_at(block, "tool_use_id")) == 0) {
          return refuse("unexpected `tool_use_id` found in `tool_result` blocks: " +
                        wire::string_at(block, "tool_use_id"));
        }
        TRY_VOID(result(block, said));
      } else if (type == "thinking" && role == "assistant") {
        if (wire::string_at(block, "signature") != signature_of(wire::string_at(block, "thinking"))) {
          return refuse(fmt::format("messages.{}.content.0: Invalid `signature` in `thinking` block", index));
        }
        if (first) thought_ = true;
      } else if (type == "redacted_thinking" && role == "assistant") {
        if (wire::string_at(block, "data") != signature_of("redacted"))
          return refuse("Invalid `data` in `redacted_thinking` block");
        if (first) thought_ = true;
      } else if (type == "image" || type == "document") {
        TRY_VOID(source(block));
        spoken.files = true;
      } else {
        return refuse(fmt::format("messages.{}: unexpected block \"{}\" of {}", index, type, role));
      }
      first = false;
    }
    if (role == "user") {
      if (!open_.empty())
        return refuse("`tool_use` ids were found without `tool_result` blocks immediately after: " + *open_.begin());
      if (!spoken.text.empty()) unthought_ = turn_begun_ = false;
    } else {
      if (!open_.empty()) return refuse("`tool_use` ids were found without `tool_result` blocks immediately after");
      open_ = std::move(calls);
      thought_ = false;
    }
    const bool only_results = said.size() > results_before && spoken.text.empty() && !spoken.files;
    if (!only_results) said.push_back(std::move(spoken));
    return {};
  }

  static Result<void> source(const wire::Json& block) {
    const auto* source = wire::value_at(block, "source");
    if (!source || wire::string_at(*source, "media_type").empty() ||
        !base64_decode(wire::string_at(*source, "data")).has_value()) {
      return refuse("image.source.base64: invalid base64 data");
    }
    return {};
  }

  static Result<void> result(const wire::Json& block, std::vector<Said>& said) {
    Said result{"tool", wire::string_at(block, "content"), false, false};
    if (const auto* pieces = wire::array_at(block, "content")) {
      for (const auto& piece : *pieces) {
        if (wire::string_at(piece, "type") == "text") {
          if (wire::string_at(piece, "text").empty()) return refuse("text content blocks must be non-empty");
          result.text += wire::string_at(piece, "text");
        } else {
          TRY_VOID(source(piece));
        }
      }
    }
    said.push_back(std::move(result));
    return {};
  }

  const wire::Json& body_;
  std::set<std::string> open_;  // calls that wait for their result
  int breakpoints_ = 0;
  bool thinks_ = false;
  bool thought_ = false;     // this message began with a thought
  bool turn_begun_ = false;  // the running turn has called a tool
  bool unthought_ = false;   // … and its first call came without a thought
};

class Messages final : public Speech {
 public:
  Result<Conversation> read(std::string_view body) const override {
    TRY(const auto json, wire::parse(body));
    TRY(const auto said, Checker(json).check());
    Conversation conversation{.model = wire::string_at(json, "model")};
    const auto* stream = wire::value_at(json, "stream");
    conversation.stream = stream && stream->is_bool() && stream->get_bool();
    if (const auto* tools = wire::array_at(json, "tools")) {
      for (const auto& tool : *tools) {
        const auto* schema = wire::value_at(tool, "input_schema");
        if (!schema || wire::string_at(*schema, "type") != "object") {
          return fail(ErrorCode::invalid, "tools.0.custom.input_schema.type: Field required");
        }
        add_tool(conversation, wire::string_at(tool, "name"));
      }
    }
    fold(said, conversation);
    return conversation;
  }
  std::unique_ptr<AnswerWriter> writer(const Script& script, std::string_view model) const override {
    return std::make_unique<Writer>(script, model);
  }
  std::string document(const Script& script, std::string_view model) const override {
    std::string content;
    const auto add = [&](std::string block) { content += (content.empty() ? "" : ",") + std::move(block); };
    const auto thought = joined(script.reasoning);
    if (!thought.empty()) {
      add(fmt::format(R"({{"type":"thinking","thinking":{},"signature":"{}"}})", wire::quoted(thought),
                      signature_of(thought)));
    }
    if (!script.text.empty()) add(fmt::format(R"({{"type":"text","text":{}}})", wire::quoted(joined(script.text))));
    for (const auto& call : script.calls) {
      add(fmt::format(R"({{"type":"tool_use","id":"{}","name":{},"input":{}}})", next_id("toolu_"),
                      wire::quoted(call.name), wire::parse(call.arguments) ? call.arguments : "{}"));
    }
    return message_json(script, model, content, true);
  }
  std::string error(int status, std::string_view message) const override {
    const std::string_view type = status == 429   ? "rate_limit_error"
                                  : status == 401 ? "authentication_error"
                                  : status == 529 ? "overloaded_error"
                                  : status >= 500 ? "api_error"
                                  : status == 404 ? "not_found_error"
                                                  : "invalid_request_error";
    return fmt::format(R"({{"type":"error","error":{{"type":"{}","message":{}}},"request_id":"req_scripted"}})", type,
                       wire::quoted(message));
  }
};

}  // namespace

const Speech& messages_speech() {
  static const Messages speech;
  return speech;
}

}  // namespace quarterdeck::llm::scripted
