#include <algorithm>

#include "llm/messages/dialect.hpp"
#include "llm/protocol/request.hpp"

namespace quarterdeck::llm::messages {
namespace {

using protocol::JsonOut;
using protocol::metadata_member;

constexpr std::string_view kKey = "anthropic";
constexpr std::string_view kBreakpoint = R"({"type":"ephemeral"})";
constexpr std::int64_t kOutputTokens = 8'192;  // where nobody says: this protocol wants a number
constexpr std::int64_t kBudgetMin = 1'024;

struct Thinking {
  bool on = false;
  std::string type;
  std::int64_t budget = 0;
  std::string display;
};

Thinking thinking_of(protocol::Options& options) {
  Thinking thinking;
  const auto* configured = options.take("thinking");
  if (!configured || !configured->is_object()) return thinking;
  thinking.type = wire::string_at(*configured, "type");
  thinking.budget = wire::int_at(*configured, "budgetTokens", wire::int_at(*configured, "budget_tokens", 16'000));
  thinking.display = wire::string_at(*configured, "display");
  thinking.on = thinking.type == "enabled" || thinking.type == "adaptive";
  return thinking;
}

bool has_thought(const ChatMessage& message) {
  return std::ranges::any_of(message.content, [](const Content& content) {
    const auto* thought = std::get_if<ReasoningContent>(&content);
    return thought && (!metadata_member(thought->metadata, kKey, "signature").empty() ||
                       !metadata_member(thought->metadata, kKey, "redactedData").empty());
  });
}

// Whether the turn under way began with a thought of this model: every call of it hangs on that one.
bool thought_is_there(const ChatMessages& messages, const ModelRequest& request) {
  const ChatMessage* first = nullptr;
  for (std::size_t i = messages.size(); i > 0 && messages[i - 1].role != Role::user; --i) {
    const auto& message = messages[i - 1];
    if (message.role == Role::assistant && protocol::holds_calls(message)) first = &message;
  }
  return !first || (protocol::own_words(*first, request) && has_thought(*first));
}

class Blocks {
 public:
  Blocks(const ModelRequest& request, bool thinking, JsonOut& out)
      : request_(request), thinking_(thinking), out_(out) {}

  void text(std::string_view text, bool breakpoint) {
    out_.object().member("type", "text").member("text", text);
    end(breakpoint);
  }

  void file(const FileContent& file, bool breakpoint) {
    const auto data = protocol::base64_of(file.url);
    const bool image = file.mime.starts_with("image/") && domain::accepts(request_.model, "image");
    const bool document = file.mime == "application/pdf" && domain::accepts(request_.model, "pdf");
    if (data.empty() || (!image && !document)) return text(protocol::not_shown(file), breakpoint);
    out_.object().member("type", image ? "image" : "document");
    out_.object("source").member("type", "base64").member("media_type", file.mime).member("data", data).end_object();
    if (document && file.filename) out_.member("title", *file.filename);
    end(breakpoint);
  }

  void result(const ToolResultContent& result, bool breakpoint) {
    out_.object().member("type", "tool_result").member("tool_use_id", protocol::call_id(result.id));
    const bool blank = result.output.find_first_not_of(" \t\r\n") == std::string::npos;
    if (!result.files.empty()) {
      out_.array("content");
      if (!blank) text(result.output, false);
      for (const auto& each : result.files) file(each, false);
      out_.end_array();
    } else if (!blank) {
      out_.member("content", result.output);
    }
    if (result.error) out_.member("is_error", true);
    end(breakpoint);
  }

  void call(const ToolCallContent& call, bool breakpoint) {
    out_.object().member("type", "tool_use").member("id", protocol::call_id(call.id)).member("name", call.name);
    out_.member_raw("input", protocol::object_text(call.input));
    end(breakpoint);
  }

  void thought(const ReasoningContent& thought) {
    if (!thinking_) return;
    const auto redacted = metadata_member(thought.metadata, kKey, "redactedData");
    const auto signature = metadata_member(thought.metadata, kKey, "signature");
    if (!redacted.empty()) {
      out_.object().member("type", "redacted_thinking").member("data", redacted).end_object();
    } else if (!signature.empty()) {
      out_.object().member("type", "thinking").member("thinking", thought.text).member("signature", signature);
      out_.end_object();
    }
  }

 private:
  void end(bool breakpoint) {
    if (breakpoint) out_.member_raw("cache_control", kBreakpoint);
    out_.end_object();
  }

  const ModelRequest& request_;
  bool thinking_;
  JsonOut& out_;
};

// One message of the wire: what one role says until the other does.
struct Spoken {
  Role role = Role::user;
  std::vector<const Content*> content;
  bool own = false;
};

bool says_something(const Content& content) {
  if (const auto* text = std::get_if<TextContent>(&content)) {
    return text->text.find_first_not_of(" \t\r\n") != std::string::npos;
  }
  return true;
}

std::vector<Spoken> joined(const ChatMessages& messages, const ModelRequest& request) {
  std::vector<Spoken> out;
  for (const auto& message : messages) {
    const auto role = message.role == Role::assistant ? Role::assistant : Role::user;
    const bool own = protocol::own_words(message, request);
    std::vector<const Content*> content;
    bool speaks = false;
    for (const auto& each : message.content) {
      const bool thought = std::holds_alternative<ReasoningContent>(each);
      if (!says_something(each) || (thought && !own)) continue;
      speaks |= !thought;
      content.push_back(&each);
    }
    if (!speaks) continue;
    if (out.empty() || out.back().role != role) out.push_back({role, {}, own});
    auto& all = out.back().content;
    all.insert(all.end(), content.begin(), content.end());
  }
  for (auto& each : out) {
    std::vector<const Content*> ordered;
    for (const bool results : {true, false}) {
      for (const auto* content : each.content) {
        if (std::holds_alternative<ToolResultContent>(*content) == results) ordered.push_back(content);
      }
    }
    each.content = std::move(ordered);
  }
  return out;
}

void write_message(JsonOut& out, const ModelRequest& request, const Spoken& message, bool thinking, bool breakpoint,
                   bool last) {
  out.object().member("role", message.role == Role::assistant ? "assistant" : "user").array("content");
  Blocks blocks(request, thinking, out);
  for (const auto* content : message.content) {
    const bool mark = breakpoint && content == message.content.back();
    if (const auto* text = std::get_if<TextContent>(content)) {
      // The protocol refuses an answer to go on from that ends in white space.
      const auto end =
          last && message.role == Role::assistant ? text->text.find_last_not_of(" \t\r\n") + 1 : text->text.size();
      blocks.text(std::string_view(text->text).substr(0, end), mark);
    } else if (const auto* thought = std::get_if<ReasoningContent>(content)) {
      blocks.thought(*thought);
    } else if (const auto* file = std::get_if<FileContent>(content)) {
      blocks.file(*file, mark);
    } else if (const auto* call = std::get_if<ToolCallContent>(content)) {
      blocks.call(*call, mark);
    } else if (const auto* result = std::get_if<ToolResultContent>(content)) {
      blocks.result(*result, mark);
    }
  }
  out.end_array().end_object();
}

}  // namespace

std::string encode_request(const ModelRequest& request) {
  protocol::Options options(request);
  const auto messages = protocol::spoken(request);
  const auto spoken = joined(messages, request);
  auto thinking = thinking_of(options);
  if (thinking.type == "enabled" && !thought_is_there(messages, request)) thinking = {};

  std::int64_t output = request.output_tokens_max > 0 ? request.output_tokens_max : kOutputTokens;
  if (thinking.type == "enabled") {
    // The budget is part of max_tokens: the answer keeps what it would have without.
    thinking.budget = std::max(thinking.budget, kBudgetMin);
    output += thinking.budget;
    if (request.model.output_tokens > 0) output = std::min(output, request.model.output_tokens);
    output = std::max(output, thinking.budget + 1);
  }

  JsonOut out;
  out.object().member("model", protocol::wire_model(request)).member("max_tokens", output);
  if (const auto system = protocol::system_text(request); !system.empty()) {
    out.array("system").object().member("type", "text").member("text", system);
    out.member_raw("cache_control", kBreakpoint).end_object().end_array();
  }
  out.array("messages");
  for (std::size_t i = 0; i < spoken.size(); ++i) {
    const bool last = i + 1 == spoken.size();
    write_message(out, request, spoken[i], thinking.on, i + 2 >= spoken.size(), last);
  }
  out.end_array();
  if (!request.tools.empty()) {
    out.array("tools");
    for (const auto& tool : request.tools) {
      out.object().member("name", tool.name).member("description", tool.description);
      out.member_raw("input_schema", tool.parameters.text).end_object();
    }
    out.end_array();
    // A forced call and thinking exclude each other.
    out.object("tool_choice").member("type", request.tool_required && !thinking.on ? "any" : "auto");
    if (const auto* single = options.take("disableParallelToolUse");
        single && single->is_bool() && single->get_bool()) {
      out.member("disable_parallel_tool_use", true);
    }
    out.end_object();
  }
  if (thinking.on) {
    out.object("thinking").member("type", thinking.type);
    if (thinking.type == "enabled") out.member("budget_tokens", thinking.budget);
    if (!thinking.display.empty()) out.member("display", thinking.display);
    out.end_object();
  } else if (request.temperature) {
    out.member("temperature", *request.temperature);  // with it, top_p is refused by newer models
  } else if (request.top_p) {
    out.member("top_p", *request.top_p);
  }
  if (const auto effort = options.take_text("effort"); !effort.empty()) {
    out.object("output_config").member("effort", effort).end_object();
  }
  out.member("stream", true);
  options.write_rest(out, {"model", "max_tokens", "system", "messages", "tools", "tool_choice", "thinking",
                           "temperature", "top_p", "stream", "output_config"});
  out.end_object();
  return out.take();
}

}  // namespace quarterdeck::llm::messages
