#include <set>

#include "llm/scripted/speech.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::scripted {
namespace {

std::string usage_json(const Script& script) {
  const auto thoughts =
      std::min<std::int64_t>(static_cast<std::int64_t>(script.reasoning.size()), script.completion_tokens);
  return fmt::format(
      R"({{"input_tokens":{},"input_tokens_details":{{"cached_tokens":{}}},"output_tokens":{},"output_tokens_details":{{"reasoning_tokens":{}}},"total_tokens":{}}})",
      script.prompt_tokens, script.cached_tokens, script.completion_tokens, thoughts,
      script.prompt_tokens + script.completion_tokens);
}

std::string reasoning_item(std::string_view id, std::string_view thought, bool whole) {
  return fmt::format(
      R"({{"id":"{}","type":"reasoning","summary":[{}]{}}})", id,
      thought.empty() ? "" : fmt::format(R"({{"type":"summary_text","text":{}}})", wire::quoted(thought)),
      whole ? fmt::format(R"(,"encrypted_content":"{}")", signature_of(thought)) : "");
}

std::string text_piece(const Script& script, std::string_view text) {
  return script.refuses
             ? fmt::format(R"({{"type":"refusal","refusal":{}}})", wire::quoted(text))
             : fmt::format(R"({{"type":"output_text","text":{},"annotations":[],"logprobs":[]}})", wire::quoted(text));
}

std::string message_item(std::string_view id, std::string_view content, std::string_view status) {
  return fmt::format(R"({{"id":"{}","type":"message","status":"{}","role":"assistant","content":[{}]}})", id, status,
                     content);
}

std::string call_item(std::string_view id, std::string_view call_id, const ScriptedCall& call,
                      std::string_view arguments, std::string_view status) {
  return fmt::format(R"({{"id":"{}","type":"function_call","status":"{}","call_id":"{}","name":{},"arguments":{}}})",
                     id, status, call_id, wire::quoted(call.name), wire::quoted(arguments));
}

std::string response_json(const Script& script, std::string_view model, std::string_view id, std::string_view status,
                          std::string_view output) {
  std::string details = "null";
  if (status == "incomplete") {
    details = script.finish == "length" ? R"({"reason":"max_output_tokens"})" : R"({"reason":"content_filter"})";
  }
  return fmt::format(
      R"({{"id":"{}","object":"response","created_at":1,"status":"{}","background":false,"error":null,"incomplete_details":{},"instructions":null,"max_output_tokens":null,"model":{},"output":[{}],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{{"effort":null,"summary":null}},"store":false,"temperature":1,"text":{{"format":{{"type":"text"}}}},"tool_choice":"auto","tools":[],"top_p":1,"truncation":"disabled","usage":{},"user":null,"metadata":{{}}}})",
      id, status, details, wire::quoted(model), output, status == "in_progress" ? "null" : usage_json(script));
}

std::string_view end_status(const Script& script) {
  return script.finish == "length" || script.finish == "content_filter" ? "incomplete" : "completed";
}

class Writer final : public AnswerWriter {
 public:
  Writer(const Script& script, std::string_view model) : script_(script), model_(model), id_(next_id("resp_")) {}

  std::string start() override {
    const auto response = fmt::format(R"("response":{})", response_json(script_, model_, id_, "in_progress", ""));
    return event("response.created", response) + event("response.in_progress", response);
  }

  std::string open_reasoning() override {
    thought_id_ = next_id("rs_");
    thought_at_ = items_++;
    return added(thought_at_, reasoning_item(thought_id_, "", false)) +
           event("response.reasoning_summary_part.added",
                 at(thought_id_, thought_at_) + R"(,"summary_index":0,"part":{"type":"summary_text","text":""})");
  }
  std::string reasoning(std::string_view piece) override {
    return event("response.reasoning_summary_text.delta",
                 fmt::format(R"({},"summary_index":0,"delta":{})", at(thought_id_, thought_at_), wire::quoted(piece)));
  }
  std::string close_reasoning() override {
    const auto thought = joined(script_.reasoning);
    const auto place = at(thought_id_, thought_at_);
    return event("response.reasoning_summary_text.done",
                 fmt::format(R"({},"summary_index":0,"text":{})", place, wire::quoted(thought))) +
           event("response.reasoning_summary_part.done",
                 fmt::format(R"({},"summary_index":0,"part":{{"type":"summary_text","text":{}}})", place,
                             wire::quoted(thought))) +
           done(thought_at_, reasoning_item(thought_id_, thought, true));
  }

  std::string open_text() override {
    text_id_ = next_id("msg_");
    text_at_ = items_++;
    return added(text_at_, message_item(text_id_, "", "in_progress")) +
           event("response.content_part.added",
                 fmt::format(R"({},"content_index":0,"part":{})", at(text_id_, text_at_), text_piece(script_, "")));
  }
  std::string text(std::string_view piece) override {
    return event(script_.refuses ? "response.refusal.delta" : "response.output_text.delta",
                 fmt::format(R"({},"content_index":0,"delta":{}{})", at(text_id_, text_at_), wire::quoted(piece),
                             script_.refuses ? "" : R"(,"logprobs":[])"));
  }
  std::string close_text() override {
    const auto whole = joined(script_.text);
    const auto place = at(text_id_, text_at_);
    return event(script_.refuses ? "response.refusal.done" : "response.output_text.done",
                 fmt::format(R"({},"content_index":0,"{}":{}{})", place, script_.refuses ? "refusal" : "text",
                             wire::quoted(whole), script_.refuses ? "" : R"(,"logprobs":[])")) +
           event("response.content_part.done",
                 fmt::format(R"({},"content_index":0,"part":{})", place, text_piece(script_, whole))) +
           done(text_at_, message_item(text_id_, text_piece(script_, whole), "completed"));
  }

  std::vector<std::string> call(std::size_t, const ScriptedCall& call) override {
    const auto id = next_id("fc_");
    const auto call_id = next_id("call_");
    const auto index = items_++;
    const auto [begin, end] = halves(call.arguments);
    const auto piece = [&](std::string_view json) {
      return event("response.function_call_arguments.delta",
                   fmt::format(R"({},"delta":{})", at(id, index), wire::quoted(json)));
    };
    return {added(index, call_item(id, call_id, call, "", "in_progress")), piece(begin),
            piece(end) +
                event("response.function_call_arguments.done",
                      fmt::format(R"({},"arguments":{})", at(id, index), wire::quoted(call.arguments))) +
                done(index, call_item(id, call_id, call, call.arguments, "completed"))};
  }

  std::vector<std::string> finish() override {
    const auto status = end_status(script_);
    return {event(fmt::format("response.{}", status),
                  fmt::format(R"("response":{})", response_json(script_, model_, id_, status, output_)))};
  }
  std::string broken() override { return "event: response.output_text.delta\ndata: {\"type\":\"response.outp\n\n"; }
  std::string error(int, std::string_view message) override {
    return event("error", fmt::format(R"("code":"server_error","message":{},"param":null)", wire::quoted(message)));
  }

 private:
  std::string event(std::string_view type, std::string_view members) {
    return fmt::format("event: {0}\ndata: {{\"type\":\"{0}\",\"sequence_number\":{1},{2}}}\n\n", type, sequence_++,
                       members);
  }
  static std::string at(std::string_view id, int index) {
    return fmt::format(R"("item_id":"{}","output_index":{})", id, index);
  }
  std::string added(int index, std::string_view item) {
    return event("response.output_item.added", fmt::format(R"("output_index":{},"item":{})", index, item));
  }
  std::string done(int index, std::string_view item) {
    if (!output_.empty()) output_ += ',';
    output_ += item;
    return event("response.output_item.done", fmt::format(R"("output_index":{},"item":{})", index, item));
  }

  const Script& script_;
  std::string_view model_;
  std::string id_;
  std::string thought_id_;
  std::string text_id_;
  std::string output_;
  int thought_at_ = 0;
  int text_at_ = 0;
  int items_ = 0;
  int sequence_ = 0;
};

std::string text_of(const wire::Json& holder, std::string_view member) {
  const auto* content = wire::value_at(holder, member);
  if (!content) return {};
  if (content->is_string()) return std::string(content->get_string());
  std::string text;
  if (const auto* pieces = content->if_array()) {
    for (const auto& piece : *pieces) text += (text.empty() ? "" : "\n") + wire::string_at(piece, "text");
  }
  return text;
}

bool holds_files(const wire::Json& holder) {
  const auto* pieces = wire::array_at(holder, "content");
  if (!pieces) return false;
  for (const auto& piece : *pieces) {
    const auto type = wire::string_at(piece, "type");
    if (type == "input_image" || type == "input_file") return true;
  }
  return false;
}

// Items of one answer come one by one: they count as one message.
Result<std::vector<Said>> said_by(const wire::Json& body) {
  std::vector<Said> said{{"system", wire::string_at(body, "instructions"), false, false}};
  const auto* input = wire::value_at(body, "input");
  if (input && input->is_string()) {
    said.push_back({"user", std::string(input->get_string()), false, false});
    return said;
  }
  if (!input || !input->is_array()) return fail(ErrorCode::invalid, "Missing required parameter: 'input'.");
  std::set<std::string> open;
  const auto assistant = [&]() -> Said& {
    if (said.back().role != "assistant") said.push_back({"assistant", "", false, false});
    return said.back();
  };
  bool dangling = false;
  for (const auto& item : input->get_array()) {
    auto role = wire::string_at(item, "role");
    const auto type = wire::string_at(item, "type", role.empty() ? "" : "message");
    if (dangling && type != "function_call" && role != "assistant" && type != "reasoning") {
      return fail(ErrorCode::invalid, "Item of type 'reasoning' was provided without its required following item.");
    }
    dangling = false;
    if (type == "message") {
      if (role == "developer") role = "system";
      if (role == "assistant") {
        assistant().text += text_of(item, "content");
      } else {
        said.push_back({role, text_of(item, "content"), false, holds_files(item)});
      }
    } else if (type == "reasoning") {
      const auto* summary = wire::array_at(item, "summary");
      if (!summary) return fail(ErrorCode::invalid, "Missing required parameter: 'input[].summary'.");
      if (wire::string_at(item, "encrypted_content") != signature_of(text_of(item, "summary"))) {
        return fail(ErrorCode::invalid, "The encrypted content could not be verified.");
      }
      assistant();
      dangling = true;
    } else if (type == "function_call") {
      assistant().calls = true;
      open.insert(wire::string_at(item, "call_id"));
    } else if (type == "function_call_output") {
      if (open.erase(wire::string_at(item, "call_id")) == 0) {
        return fail(ErrorCode::invalid, "No tool call found for function call output with call_id {}.",
                    wire::string_at(item, "call_id"));
      }
      said.push_back({"tool", text_of(item, "output"), false, false});
    } else {
      return fail(ErrorCode::invalid, "Invalid value: '{}'. Supported values are: 'message', 'reasoning', …", type);
    }
  }
  if (!open.empty()) return fail(ErrorCode::invalid, "No tool output found for function call {}.", *open.begin());
  return said;
}

class Responses final : public Speech {
 public:
  Result<Conversation> read(std::string_view body) const override {
    TRY(const auto json, wire::parse(body));
    if (wire::string_at(json, "model").empty()) return fail(ErrorCode::invalid, "Missing required parameter: 'model'.");
    TRY(const auto said, said_by(json));
    Conversation conversation{.model = wire::string_at(json, "model")};
    const auto* stream = wire::value_at(json, "stream");
    conversation.stream = stream && stream->is_bool() && stream->get_bool();
    if (const auto* tools = wire::array_at(json, "tools")) {
      for (const auto& tool : *tools) {
        if (wire::string_at(tool, "name").empty())
          return fail(ErrorCode::invalid, "Missing required parameter: 'tools[0].name'.");
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
    std::string output;
    const auto add = [&](std::string item) { output += (output.empty() ? "" : ",") + std::move(item); };
    if (!script.reasoning.empty()) add(reasoning_item(next_id("rs_"), joined(script.reasoning), true));
    if (!script.text.empty()) add(message_item(next_id("msg_"), text_piece(script, joined(script.text)), "completed"));
    for (const auto& call : script.calls) {
      add(call_item(next_id("fc_"), next_id("call_"), call, call.arguments, "completed"));
    }
    return response_json(script, model, next_id("resp_"), end_status(script), output);
  }
  std::string error(int status, std::string_view message) const override {
    return chat_speech().error(status, message);
  }
};

}  // namespace

const Speech& responses_speech() {
  static const Responses speech;
  return speech;
}

}  // namespace quarterdeck::llm::scripted
