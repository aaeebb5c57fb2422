#include <algorithm>

#include "llm/protocol/request.hpp"
#include "llm/responses/dialect.hpp"

namespace quarterdeck::llm::responses {
namespace {

using protocol::JsonOut;

constexpr std::string_view kKey = "openai";

class Input {
 public:
  Input(const ModelRequest& request, JsonOut& out) : request_(request), out_(out) {}

  void add(const ChatMessage& message) {
    switch (message.role) {
      case Role::system: return;
      case Role::user: return user(message);
      case Role::assistant: return assistant(message);
      case Role::tool: return results(message);
    }
  }

 private:
  void text(std::string_view text, std::string_view type = "input_text") {
    out_.object().member("type", type).member("text", text).end_object();
  }

  void file(const FileContent& file) {
    if (file.mime.starts_with("image/") && domain::accepts(request_.model, "image")) {
      out_.object().member("type", "input_image").member("detail", "auto").member("image_url", file.url).end_object();
    } else if (file.mime == "application/pdf" && domain::accepts(request_.model, "pdf")) {
      out_.object().member("type", "input_file").member("filename", file.filename.value_or("file.pdf"));
      out_.member("file_data", file.url).end_object();
    } else {
      text(protocol::not_shown(file));
    }
  }

  void user(const ChatMessage& message) {
    out_.object().member("role", "user").array("content");
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) text(piece->text);
      if (const auto* each = std::get_if<FileContent>(&content)) file(*each);
    }
    out_.end_array().end_object();
  }

  void assistant(const ChatMessage& message) {
    const bool own = protocol::own_words(message, request_);
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        if (piece->text.empty()) continue;
        out_.object().member("role", "assistant").member("content", piece->text).end_object();
      } else if (const auto* thought = std::get_if<ReasoningContent>(&content)) {
        const auto encrypted = protocol::metadata_member(thought->metadata, kKey, "reasoningEncryptedContent");
        if (!own || encrypted.empty()) continue;
        out_.object().member("type", "reasoning").array("summary");
        if (!thought->text.empty()) text(thought->text, "summary_text");
        out_.end_array().member("encrypted_content", encrypted).end_object();
      } else if (const auto* call = std::get_if<ToolCallContent>(&content)) {
        out_.object().member("type", "function_call").member("call_id", protocol::call_id(call->id));
        out_.member("name", call->name).member("arguments", call->input.text).end_object();
      }
    }
  }

  void results(const ChatMessage& message) {
    for (const auto& content : message.content) {
      const auto* result = std::get_if<ToolResultContent>(&content);
      if (!result) continue;
      out_.object().member("type", "function_call_output").member("call_id", protocol::call_id(result->id));
      if (result->files.empty()) {
        out_.member("output", result->output);
      } else {
        out_.array("output");
        if (!result->output.empty()) text(result->output);
        for (const auto& each : result->files) file(each);
        out_.end_array();
      }
      out_.end_object();
    }
  }

  const ModelRequest& request_;
  JsonOut& out_;
};

// These know effort and thoughts, and refuse sampling parameters.
bool reasons(const ModelRequest& request) {
  if (request.model.reasoning) return true;
  const auto id = protocol::wire_model(request);
  return id.starts_with("o1") || id.starts_with("o3") || id.starts_with("o4") ||
         (id.starts_with("gpt-5") && !id.contains("chat"));
}

}  // namespace

std::string encode_request(const ModelRequest& request) {
  protocol::Options options(request);
  const bool reasoning = reasons(request);
  JsonOut out;
  out.object().member("model", protocol::wire_model(request));
  if (const auto system = protocol::system_text(request); !system.empty()) out.member("instructions", system);
  out.array("input");
  Input input(request, out);
  for (const auto& message : protocol::spoken(request)) input.add(message);
  out.end_array();
  if (!request.tools.empty()) {
    out.array("tools");
    for (const auto& tool : request.tools) {
      out.object().member("type", "function").member("name", tool.name).member("description", tool.description);
      out.member_raw("parameters", tool.parameters.text).member("strict", false).end_object();
    }
    out.end_array().member("tool_choice", request.tool_required ? "required" : "auto");
    const auto* parallel = options.take("parallelToolCalls");
    out.member("parallel_tool_calls", !parallel || !parallel->is_bool() || parallel->get_bool());
  }
  if (request.output_tokens_max > 0) out.member("max_output_tokens", request.output_tokens_max);
  const auto* store = options.take("store");
  const bool stored = store && store->is_bool() && store->get_bool();
  out.member("store", stored);
  options.take("include");  // what we need of it is asked for below
  const auto effort = options.take_text("reasoningEffort");
  const auto summary = options.take_text("reasoningSummary");
  if (reasoning) {
    out.object("reasoning");
    if (!effort.empty()) out.member("effort", effort);
    out.member("summary", summary.empty() ? "auto" : summary).end_object();
    if (!stored) out.member_raw("include", R"(["reasoning.encrypted_content"])");
  } else {
    if (request.temperature) out.member("temperature", *request.temperature);
    if (request.top_p) out.member("top_p", *request.top_p);
  }
  if (const auto verbosity = options.take_text("textVerbosity"); !verbosity.empty()) {
    out.object("text").member("verbosity", verbosity).end_object();
  }
  auto cache_key = options.take_text("promptCacheKey");
  if (cache_key.empty()) cache_key = request.session_id;
  if (!cache_key.empty()) out.member("prompt_cache_key", cache_key.substr(0, 64));
  for (const auto& [name, wire_name] : {std::pair{"serviceTier", "service_tier"},
                                        {"safetyIdentifier", "safety_identifier"},
                                        {"promptCacheRetention", "prompt_cache_retention"}}) {
    if (const auto value = options.take_text(name); !value.empty()) out.member(wire_name, value);
  }
  out.member("stream", true);
  options.write_rest(out, {"model", "instructions", "input", "tools", "tool_choice", "parallel_tool_calls",
                           "max_output_tokens", "store", "include", "reasoning", "text", "prompt_cache_key", "stream",
                           "temperature", "top_p", "service_tier", "safety_identifier", "prompt_cache_retention"});
  out.end_object();
  return out.take();
}

}  // namespace quarterdeck::llm::responses
