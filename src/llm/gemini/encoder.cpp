#include <set>

#include "llm/gemini/dialect.hpp"
#include "llm/protocol/request.hpp"

namespace quarterdeck::llm::gemini {
namespace {

using protocol::JsonOut;
using protocol::metadata_member;

constexpr std::string_view kKey = "google";
// Google's documentation, "Thought signatures": for calls that no Gemini model made.
constexpr std::string_view kForeignSignature = "skip_thought_signature_validator";

class Contents {
 public:
  Contents(const ModelRequest& request, JsonOut& out)
      : request_(request), out_(out), wants_signatures_(protocol::wire_model(request).contains("gemini-3")) {}

  void add(const ChatMessage& message) {
    switch_to(message.role == Role::assistant ? "model" : "user");
    const bool own = protocol::own_words(message, request_);
    bool first_call = true;
    std::vector<const FileContent*> files;
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        if (piece->text.empty()) continue;
        out_.object().member("text", piece->text);
        sign(own ? metadata_member(piece->metadata, kKey, "thoughtSignature") : "");
        out_.end_object();
      } else if (const auto* thought = std::get_if<ReasoningContent>(&content)) {
        const auto signature = own ? metadata_member(thought->metadata, kKey, "thoughtSignature") : "";
        if (signature.empty()) continue;  // its text alone means nothing to the model
        out_.object().member("text", thought->text).member("thought", true);
        sign(signature);
        out_.end_object();
      } else if (const auto* each = std::get_if<FileContent>(&content)) {
        file(*each);
      } else if (const auto* call = std::get_if<ToolCallContent>(&content)) {
        this->call(*call, own, std::exchange(first_call, false));
      } else if (const auto* result = std::get_if<ToolResultContent>(&content)) {
        this->result(*result);
        for (const auto& attached : result->files) files.push_back(&attached);
      }
    }
    for (const auto* each : files) file(*each);
  }

  void end() { switch_to(""); }

 private:
  void switch_to(std::string_view role) {
    if (role == role_) return;
    if (!role_.empty()) out_.end_array().end_object();
    role_ = role;
    if (!role_.empty()) out_.object().member("role", role_).array("parts");
  }

  void sign(std::string_view signature) {
    if (!signature.empty()) out_.member("thoughtSignature", signature);
  }

  void call(const ToolCallContent& call, bool own, bool first) {
    auto signature = own ? metadata_member(call.metadata, kKey, "thoughtSignature") : "";
    if (signature.empty() && first && wants_signatures_ && !own) signature = kForeignSignature;
    const auto id = own ? metadata_member(call.metadata, kKey, "functionCallId") : "";
    out_.object().object("functionCall");
    if (!id.empty()) {
      out_.member("id", id);
      given_ids_.insert(call.id);
    }
    out_.member("name", call.name).member_raw("args", protocol::object_text(call.input)).end_object();
    sign(signature);
    out_.end_object();
  }

  void result(const ToolResultContent& result) {
    out_.object().object("functionResponse");
    if (given_ids_.contains(result.id)) out_.member("id", result.id);
    out_.member("name", result.name);
    out_.object("response").member(result.error ? "error" : "output", result.output).end_object();
    out_.end_object().end_object();
  }

  void file(const FileContent& file) {
    const auto data = protocol::base64_of(file.url);
    const std::string kind = file.mime == "application/pdf" ? "pdf" : file.mime.substr(0, file.mime.find('/'));
    if (data.empty() || !domain::accepts(request_.model, kind)) {
      out_.object().member("text", protocol::not_shown(file)).end_object();
      return;
    }
    out_.object().object("inlineData").member("mimeType", file.mime).member("data", data).end_object().end_object();
  }

  const ModelRequest& request_;
  JsonOut& out_;
  bool wants_signatures_;
  std::string role_;
  std::set<std::string> given_ids_;  // calls whose id the model gave itself
};

bool says_something(const ChatMessage& message) {
  for (const auto& content : message.content) {
    if (const auto* text = std::get_if<TextContent>(&content)) {
      if (!text->text.empty()) return true;
    } else if (!std::holds_alternative<ReasoningContent>(content)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string encode_request(const ModelRequest& request) {
  protocol::Options options(request);
  JsonOut out;
  out.object();
  if (const auto system = protocol::system_text(request); !system.empty()) {
    out.object("systemInstruction").array("parts").object().member("text", system).end_object();
    out.end_array().end_object();
  }
  out.array("contents");
  Contents contents(request, out);
  for (const auto& message : protocol::spoken(request)) {
    if (says_something(message)) contents.add(message);
  }
  contents.end();
  out.end_array();
  if (!request.tools.empty()) {
    out.array("tools").object().array("functionDeclarations");
    for (const auto& tool : request.tools) {
      out.object().member("name", tool.name).member("description", tool.description);
      out.member_raw("parametersJsonSchema", tool.parameters.text).end_object();
    }
    out.end_array().end_object().end_array();
    out.object("toolConfig").object("functionCallingConfig").member("mode", request.tool_required ? "ANY" : "AUTO");
    out.end_object().end_object();
  }
  out.object("generationConfig");
  if (request.output_tokens_max > 0) out.member("maxOutputTokens", request.output_tokens_max);
  if (request.temperature) out.member("temperature", *request.temperature);
  if (request.top_p) out.member("topP", *request.top_p);
  const auto* thinking = options.take("thinkingConfig");
  if (thinking && thinking->is_object()) {
    out.member_raw("thinkingConfig", wire::to_text(*thinking));
  } else if (request.model.reasoning) {
    out.object("thinkingConfig").member("includeThoughts", true).end_object();
  }
  out.end_object();
  for (const char* name : {"safetySettings", "cachedContent"}) {
    if (const auto* value = options.take(name)) out.member_raw(name, wire::to_text(*value));
  }
  out.end_object();
  return out.take();
}

}  // namespace quarterdeck::llm::gemini
