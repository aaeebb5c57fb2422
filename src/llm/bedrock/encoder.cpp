#include <algorithm>

#include "llm/bedrock/dialect.hpp"
#include "llm/protocol/request.hpp"

namespace quarterdeck::llm::bedrock {
namespace {

using protocol::JsonOut;
using protocol::metadata_member;

constexpr std::string_view kKey = "bedrock";
constexpr std::string_view kCachePoint = R"({"cachePoint":{"type":"default"}})";

// Only these families take cache points; others refuse the request.
bool caches(const ModelRequest& request) {
  const auto id = protocol::wire_model(request);
  return id.contains("anthropic.claude") || id.contains("amazon.nova");
}

std::string_view image_format(std::string_view mime) {
  if (mime == "image/png") return "png";
  if (mime == "image/jpeg" || mime == "image/jpg") return "jpeg";
  if (mime == "image/gif") return "gif";
  if (mime == "image/webp") return "webp";
  return {};
}

// Letters, digits, single spaces, hyphens and brackets; the protocol takes nothing else.
std::string document_name(const FileContent& file, int number) {
  std::string out;
  for (const char c : file.filename.value_or("document")) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    out += plain ? c : '-';
    if (out.size() >= 100) break;
  }
  return fmt::format("{}-{}", out, number);
}

class Messages {
 public:
  Messages(const ModelRequest& request, JsonOut& out) : request_(request), out_(out) {}

  void add(const ChatMessage& message) {
    const std::string_view role = message.role == Role::assistant ? "assistant" : "user";
    if (role != role_) {
      end();
      role_ = role;
      out_.object().member("role", role).array("content");
    }
    const bool own = protocol::own_words(message, request_);
    // Results come before what else the user says.
    for (const auto& content : message.content) {
      if (const auto* result = std::get_if<ToolResultContent>(&content)) this->result(*result);
    }
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        text(piece->text);
      } else if (const auto* thought = std::get_if<ReasoningContent>(&content)) {
        if (own) this->thought(*thought);
      } else if (const auto* each = std::get_if<FileContent>(&content)) {
        file(*each);
      } else if (const auto* call = std::get_if<ToolCallContent>(&content)) {
        out_.object().object("toolUse").member("toolUseId", protocol::call_id(call->id)).member("name", call->name);
        out_.member_raw("input", protocol::object_text(call->input)).end_object().end_object();
      }
    }
  }

  void cache_point() { out_.raw(kCachePoint); }
  void end() {
    if (!role_.empty()) out_.end_array().end_object();
    role_ = {};
  }

 private:
  void text(std::string_view text) {
    if (text.find_first_not_of(" \t\r\n") != std::string_view::npos) out_.object().member("text", text).end_object();
  }

  void file(const FileContent& file) {
    const auto data = protocol::base64_of(file.url);
    const auto format = image_format(file.mime);
    if (!data.empty() && !format.empty() && domain::accepts(request_.model, "image")) {
      out_.object().object("image").member("format", format);
    } else if (!data.empty() && file.mime == "application/pdf" && domain::accepts(request_.model, "pdf")) {
      out_.object().object("document").member("format", "pdf").member("name", document_name(file, ++documents_));
    } else {
      return text(protocol::not_shown(file));
    }
    out_.object("source").member("bytes", data).end_object().end_object().end_object();
  }

  void thought(const ReasoningContent& thought) {
    const auto redacted = metadata_member(thought.metadata, kKey, "redactedData");
    const auto signature = metadata_member(thought.metadata, kKey, "signature");
    if (redacted.empty() && signature.empty()) return;
    out_.object().object("reasoningContent");
    if (!redacted.empty()) {
      out_.member("redactedContent", redacted);
    } else {
      out_.object("reasoningText").member("text", thought.text).member("signature", signature).end_object();
    }
    out_.end_object().end_object();
  }

  void result(const ToolResultContent& result) {
    out_.object().object("toolResult").member("toolUseId", protocol::call_id(result.id)).array("content");
    const bool blank = result.output.find_first_not_of(" \t\r\n") == std::string::npos;
    if (!blank) text(result.output);
    for (const auto& each : result.files) file(each);
    if (blank && result.files.empty()) text("(no output)");
    out_.end_array().member("status", result.error ? "error" : "success").end_object().end_object();
  }

  const ModelRequest& request_;
  JsonOut& out_;
  std::string_view role_;
  int documents_ = 0;
};

bool says_something(const ChatMessage& message) {
  return std::ranges::any_of(message.content, [](const Content& content) {
    const auto* text = std::get_if<TextContent>(&content);
    if (text) return text->text.find_first_not_of(" \t\r\n") != std::string::npos;
    return !std::holds_alternative<ReasoningContent>(content);
  });
}

struct Reasoning {
  std::string type;
  std::int64_t budget = 0;
  std::string effort;
};

}  // namespace

std::string encode_request(const ModelRequest& request) {
  protocol::Options options(request);
  Reasoning reasoning;
  if (const auto* configured = options.take("reasoningConfig")) {
    reasoning.type = wire::string_at(*configured, "type");
    reasoning.budget = wire::int_at(*configured, "budgetTokens");
    reasoning.effort = wire::string_at(*configured, "maxReasoningEffort");
  }
  const bool claude = protocol::wire_model(request).contains("anthropic");
  const bool thinks = reasoning.type == "enabled" || reasoning.type == "adaptive";
  const bool cached = caches(request);

  JsonOut out;
  out.object();
  if (const auto system = protocol::system_text(request); !system.empty()) {
    out.array("system").object().member("text", system).end_object();
    if (cached) out.raw(kCachePoint);
    out.end_array();
  }
  out.array("messages");
  const auto all = protocol::spoken(request);
  ChatMessages messages;
  for (auto message = all.begin(); message != all.end(); ++message) {
    if (says_something(*message)) messages.push_back(message.shared());
  }
  Messages written(request, out);
  // At the ends of the two newest user messages: what comes next shares all before.
  const auto user_ends = [&](std::size_t i) {
    return messages[i].role != Role::assistant && (i + 1 == messages.size() || messages[i + 1].role == Role::assistant);
  };
  std::size_t marks_from = messages.size();
  for (int marks = 0; cached && marks < 2 && marks_from > 0;) {
    if (user_ends(--marks_from)) ++marks;
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    written.add(messages[i]);
    if (i >= marks_from && user_ends(i)) written.cache_point();
  }
  written.end();
  out.end_array();
  if (!request.tools.empty()) {
    out.object("toolConfig").array("tools");
    for (const auto& tool : request.tools) {
      out.object().object("toolSpec").member("name", tool.name).member("description", tool.description);
      out.object("inputSchema").member_raw("json", tool.parameters.text).end_object().end_object().end_object();
    }
    out.end_array();
    out.object("toolChoice").object(request.tool_required && !thinks ? "any" : "auto").end_object().end_object();
    out.end_object();
  }
  std::int64_t output = request.output_tokens_max;
  if (claude && reasoning.type == "enabled" && reasoning.budget > 0) {
    output = std::max<std::int64_t>(output, 0) + reasoning.budget;
    if (request.model.output_tokens > 0) output = std::min(output, request.model.output_tokens);
    output = std::max(output, reasoning.budget + 1);
  }
  out.object("inferenceConfig");
  if (output > 0) out.member("maxTokens", output);
  if (request.temperature && !thinks) out.member("temperature", *request.temperature);
  if (request.top_p && !thinks) out.member("topP", *request.top_p);
  out.end_object();
  JsonOut more;
  more.object();
  if (thinks && claude) {
    more.object("thinking").member("type", reasoning.type);
    if (reasoning.type == "enabled") more.member("budget_tokens", reasoning.budget);
    more.end_object();
    if (!reasoning.effort.empty()) more.object("output_config").member("effort", reasoning.effort).end_object();
  } else if (thinks) {
    more.object("reasoningConfig").member("type", reasoning.type);
    if (!reasoning.effort.empty()) more.member("maxReasoningEffort", reasoning.effort);
    more.end_object();
  }
  options.write_rest(more, {"thinking", "output_config"});
  more.end_object();
  if (more.str() != "{}") out.member_raw("additionalModelRequestFields", more.str());
  if (const auto* guard = options.take("guardrailConfig")) out.member_raw("guardrailConfig", wire::to_text(*guard));
  out.end_object();
  return out.take();
}

}  // namespace quarterdeck::llm::bedrock
