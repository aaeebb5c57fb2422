#include "llm/chat_completions/encoder.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "llm/protocol/json_out.hpp"
#include "llm/protocol/request.hpp"

namespace quarterdeck::llm::chat_completions {

namespace {

using protocol::JsonOut;

// OpenAI's reasoning models refuse max_tokens and sampling parameters.
bool openai_reasoning_model(const ModelRequest& request) {
  if (!request.provider.base_url.contains("//api.openai.com")) return false;
  const std::string& id = request.model.api_id;
  return id.starts_with("o1") || id.starts_with("o3") || id.starts_with("o4") || id.starts_with("gpt-5");
}

bool is_at(const ModelRequest& request, std::string_view name) {
  return request.provider.id.contains(name) || request.provider.base_url.contains(name);
}

// These want their reasoning back while a turn goes on; others refuse the unknown member.
bool wants_reasoning_back(const ModelRequest& request) {
  return request.model.interleaved == "reasoning_content" || is_at(request, "deepseek") || is_at(request, "moonshot");
}

// Claude behind a gateway caches only what is marked.
bool marks_cache(const ModelRequest& request) {
  const auto id = protocol::wire_model(request);
  return is_at(request, "openrouter") && (id.contains("claude") || id.contains("anthropic"));
}

// Mistral takes ids of nine letters and digits, and no others.
std::string nine_characters(std::string_view id) {
  std::string plain;
  for (const char c : id) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) plain += c;
  }
  if (plain.size() == 9 && plain == id) return plain;
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return fmt::format("{:016x}", hash).substr(7);
}

class Messages {
 public:
  Messages(const ModelRequest& request, JsonOut& out)
      : request_(request),
        out_(out),
        reasoning_back_(wants_reasoning_back(request)),
        details_back_(is_at(request, "openrouter") || request.model.interleaved == "reasoning_details"),
        mistral_(request.provider.npm == "@ai-sdk/mistral" || is_at(request, "mistral")),
        marks_(marks_cache(request)) {}

  void write(const ChatMessages& messages) {
    // The newest message of the user is where the next request goes on.
    if (marks_) {
      for (const auto& message : messages) newest_ = message.role == Role::user ? &message : newest_;
    }
    if (!messages.past().empty()) how_ = how();
    out_.array("messages");
    system(messages);
    for (const auto& message : messages.before_past()) add(*message);
    for (const auto& piece : messages.past()) add(*piece);
    for (const auto& message : messages.after_past()) add(*message);
    flush_images();
    out_.end_array();
  }

 private:
  // Written once for all requests that share it, unless what is written depends on more than the messages.
  void add(const ChatMessages::Past& piece) {
    const bool marked =
        newest_ && std::ranges::any_of(piece.messages(), [&](const auto& each) { return each.get() == newest_; });
    if (mistral_ || marked) {
      for (const auto& message : piece.messages()) add(*message);
      return;
    }
    flush_images();
    const auto written = [&] {
      JsonOut out;
      Messages messages(request_, out);
      for (const auto& message : piece.messages()) messages.add(*message);
      messages.flush_images();
      return out.take();
    };
    const std::string& text = piece.written(how_, written);
    if (!text.empty()) out_.raw(text);
  }

  // All of the request that the text of a message depends on.
  std::string how() const {
    return fmt::format("chat completions {} {} {} {}", reasoning_back_,
                       details_back_ ? request_.provider.id + '/' + request_.model.id : std::string(),
                       domain::accepts(request_.model, "image"), domain::accepts(request_.model, "pdf"));
  }

  void system(const ChatMessages& messages) {
    std::string text;
    for (const auto* run : {&messages.before_past(), &messages.after_past()}) {
      for (const auto& message : *run) {
        if (message->role == Role::system) join(text, *message);
      }
    }
    if (text.empty()) return;
    open("system");
    if (marks_) {
      out_.array("content");
      text_piece(text, true);
      out_.end_array();
    } else {
      out_.member("content", text);
    }
    out_.end_object();
  }

  void add(const ChatMessage& message) {
    switch (message.role) {
      case Role::system: return;  // already first
      case Role::tool: return tool(message);
      case Role::user: {
        // Mistral wants an answer between the results of tools and what the user says next.
        if (mistral_ && after_tool_ && pending_.empty()) {
          open("assistant");
          out_.member("content", "Done.").end_object();
        }
        flush_images();
        return user(message);
      }
      case Role::assistant: flush_images(); return assistant(message);
    }
  }

  void flush_images() {
    if (pending_.empty()) return;
    open("user");
    out_.array("content");
    text_piece("Files from the tool results above:");
    for (const FileContent* file : std::exchange(pending_, {})) file_piece(*file);
    out_.end_array().end_object();
  }

  void open(std::string_view role) {
    after_tool_ = role == "tool";
    out_.object().member("role", role);
  }

  static void join(std::string& text, const ChatMessage& message) {
    for (const auto& content : message.content) {
      const auto* piece = std::get_if<TextContent>(&content);
      if (!piece || piece->text.empty()) continue;
      if (!text.empty()) text += "\n\n";
      text += piece->text;
    }
  }

  void text_piece(std::string_view text, bool breakpoint = false) {
    out_.object().member("type", "text").member("text", text);
    if (breakpoint) out_.object("cache_control").member("type", "ephemeral").end_object();
    out_.end_object();
  }

  void file_piece(const FileContent& file) {
    if (file.mime.starts_with("image/") && domain::accepts(request_.model, "image")) {
      out_.object().member("type", "image_url").object("image_url").member("url", file.url).end_object().end_object();
    } else if (file.mime == "application/pdf" && domain::accepts(request_.model, "pdf")) {
      out_.object().member("type", "file").object("file").member("filename", file.filename.value_or("file"));
      out_.member("file_data", file.url).end_object().end_object();
    } else {
      text_piece(protocol::not_shown(file));
    }
  }

  void user(const ChatMessage& message) {
    const auto breaks = [&](const Content& content) {
      return &message == newest_ && &content == &message.content.back();
    };
    const TextContent* only = nullptr;
    std::size_t pieces = 0;
    bool plain = true;
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        if (piece->text.empty()) continue;
        only = piece;
        ++pieces;
        plain = plain && !breaks(content);
      } else if (std::holds_alternative<FileContent>(content)) {
        plain = false;
      }
    }
    open("user");
    // One text goes as a plain string, which every server understands.
    if (plain && pieces <= 1) {
      out_.member("content", only ? std::string_view(only->text) : std::string_view()).end_object();
      return;
    }
    out_.array("content");
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        if (!piece->text.empty()) text_piece(piece->text, breaks(content));
      } else if (const auto* file = std::get_if<FileContent>(&content)) {
        file_piece(*file);
      }
    }
    out_.end_array().end_object();
  }

  void assistant(const ChatMessage& message) {
    std::string text;
    std::string reasoning;
    std::vector<const ToolCallContent*> calls;
    wire::JsonArray details;
    const bool own = details_back_ && protocol::own_words(message, request_);
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        text += piece->text;
      } else if (const auto* thought = std::get_if<ReasoningContent>(&content)) {
        if (reasoning_back_) reasoning += thought->text;
        if (own) add_details(details, thought->metadata);
      } else if (const auto* call = std::get_if<ToolCallContent>(&content)) {
        calls.push_back(call);
      }
    }
    if (text.empty() && calls.empty()) return;  // an answer of nothing but thoughts: no server takes an empty message
    open("assistant");
    if (text.empty()) {
      out_.member_raw("content", "null");
    } else {
      out_.member("content", text);
    }
    if (reasoning_back_ && !calls.empty()) out_.member("reasoning_content", reasoning);
    if (!details.empty()) out_.member_raw("reasoning_details", wire::to_json_text(details).text);
    if (!calls.empty()) {
      out_.array("tool_calls");
      for (const ToolCallContent* call : calls) {
        out_.object().member("id", wire_id(call->id)).member("type", "function").object("function");
        out_.member("name", call->name).member("arguments", call->input.text).end_object().end_object();
      }
      out_.end_array();
    }
    out_.end_object();
  }

  void tool(const ChatMessage& message) {
    for (const auto& content : message.content) {
      const auto* result = std::get_if<ToolResultContent>(&content);
      if (!result) continue;
      open("tool");
      out_.member("content", result->output).member("tool_call_id", wire_id(result->id)).end_object();
      for (const FileContent& file : result->files) pending_.push_back(&file);
    }
  }

  std::string wire_id(const std::string& id) const { return mistral_ ? nine_characters(id) : id; }

  static void add_details(wire::JsonArray& details, const Metadata& metadata) {
    const auto parsed = metadata ? wire::parse(metadata->text) : Result<wire::Json>(wire::Json());
    const auto* ours = parsed ? wire::value_at(*parsed, "openrouter") : nullptr;
    const auto* given = ours ? wire::array_at(*ours, "reasoning_details") : nullptr;
    if (given) details.insert(details.end(), given->begin(), given->end());
  }

  const ModelRequest& request_;
  JsonOut& out_;
  bool reasoning_back_;
  bool details_back_;
  bool mistral_;
  bool marks_;
  bool after_tool_ = false;
  const ChatMessage* newest_ = nullptr;
  std::string how_;
  std::vector<const FileContent*> pending_;
};

void write_tools(JsonOut& out, const ModelRequest& request) {
  if (request.tools.empty()) return;
  out.array("tools");
  for (const ToolSpec& spec : request.tools) {
    out.object().member("type", "function").object("function").member("name", spec.name);
    out.member("description", spec.description).member_raw("parameters", spec.parameters.text);
    out.end_object().end_object();
  }
  out.end_array();
  out.member("tool_choice", request.tool_required ? "required" : "auto");
}

// Members of the model's `options` go into the body as they are; some have a name of their own in this protocol, and
// some belong to another one (a variant of the typed protocols, chosen for a model that is now behind this one).
std::string_view option_name(std::string_view name) {
  if (name == "reasoningEffort") return "reasoning_effort";
  if (name == "textVerbosity") return "verbosity";
  if (name == "promptCacheKey") return "prompt_cache_key";
  if (name == "serviceTier") return "service_tier";
  if (name == "parallelToolCalls") return "parallel_tool_calls";
  for (const auto foreign : {"reasoningSummary", "include", "store", "thinkingConfig", "reasoningConfig"}) {
    if (name == foreign) return {};
  }
  return name;
}

void write_options(JsonOut& out, const ModelRequest& request, const std::set<std::string_view>& taken) {
  const auto options = wire::parse(request.options.text.empty() ? request.model.options.text : request.options.text);
  if (!options || !options->is_object()) return;
  for (const auto& option : options->get_object()) {
    const auto name = option_name(option.key());
    if (!name.empty() && !taken.contains(name)) out.member_raw(name, wire::to_json_text(option.value()).text);
  }
}

// The text of all messages and some more: a body grows by doubling otherwise, and copies itself each time.
std::size_t about_bytes(const ModelRequest& request) {
  std::size_t bytes = 4096;
  for (const ToolSpec& spec : request.tools) bytes += spec.description.size() + spec.parameters.text.size() + 128;
  const auto add = [&](const ChatMessage& message) {
    bytes += 64;
    for (const Content& content : message.content) {
      if (const auto* text = std::get_if<TextContent>(&content)) bytes += text->text.size() + text->text.size() / 16;
      if (const auto* result = std::get_if<ToolResultContent>(&content)) bytes += result->output.size() * 17 / 16 + 128;
      if (const auto* call = std::get_if<ToolCallContent>(&content)) bytes += call->input.text.size() * 5 / 4 + 128;
      if (const auto* file = std::get_if<FileContent>(&content)) bytes += file->url.size() + 128;
    }
  };
  for (const auto& message : request.messages.before_past()) add(*message);
  for (const auto& piece : request.messages.past()) {
    bytes += piece->written_bytes();
    if (piece->written_bytes() > 0) continue;
    for (const auto& message : piece->messages()) add(*message);
  }
  for (const auto& message : request.messages.after_past()) add(*message);
  return bytes;
}

}  // namespace

std::string encode_request(const ModelRequest& request) {
  const bool reasoning_model = openai_reasoning_model(request);
  std::set<std::string_view> taken = {"model", "messages", "stream", "stream_options"};
  JsonOut out;
  out.reserve(about_bytes(request));
  out.object().member("model", request.model.api_id.empty() ? request.model.id : request.model.api_id);
  Messages(request, out).write(request.messages);
  write_tools(out, request);
  if (!request.tools.empty()) taken.insert({"tools", "tool_choice"});
  const auto member = [&](std::string_view name, auto value) {
    taken.insert(name);
    out.member(name, value);
  };
  if (request.output_tokens_max > 0) {
    member(reasoning_model ? "max_completion_tokens" : "max_tokens", request.output_tokens_max);
  }
  if (request.temperature && !reasoning_model) member("temperature", *request.temperature);
  if (request.top_p && !reasoning_model) member("top_p", *request.top_p);
  out.member("stream", true);
  out.object("stream_options").member("include_usage", true).end_object();
  write_options(out, request, taken);
  out.end_object();
  return out.take();
}

}  // namespace quarterdeck::llm::chat_completions
