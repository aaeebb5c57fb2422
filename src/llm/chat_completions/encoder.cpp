#include "llm/chat_completions/encoder.hpp"

#include "llm/protocol/request.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::llm::chat_completions {

namespace {

using domain::JsonText;

struct Function {
  std::string name;
  std::string arguments;
};
struct Call {
  std::string id;
  Function function;
};
struct Message {
  std::string role;
  JsonText content;  // a string, an array of parts, or null
  std::optional<std::string> reasoning_content;
  std::optional<JsonText> reasoning_details;
  std::optional<std::vector<Call>> tool_calls;
  std::optional<std::string> tool_call_id;
};
struct Tool {
  const ToolSpec* spec = nullptr;
};
struct Url {
  std::string url;
};
struct TextPiece {
  std::string text;
  bool breakpoint = false;
};
struct ImagePiece {
  Url image_url;
};
struct DocumentPiece {
  std::string filename;
  std::string file_data;
};

template <class Io>
void describe(Io& io, Function& value) {
  io.field("name", value.name);
  io.field("arguments", value.arguments);
}
template <class Io>
void describe(Io& io, Call& value) {
  io.field("id", value.id);
  io.literal("type", "function");
  io.field("function", value.function);
}
template <class Io>
void describe(Io& io, Message& value) {
  io.field("role", value.role);
  io.field("content", value.content);
  io.field("reasoning_content", value.reasoning_content);
  io.field("reasoning_details", value.reasoning_details);
  io.field("tool_calls", value.tool_calls);
  io.field("tool_call_id", value.tool_call_id);
}
template <class Io>
void describe(Io& io, Tool& value) {
  io.literal("type", "function");
  io.object("function", [&](auto& function) {
    function.field("name", value.spec->name);
    function.field("description", value.spec->description);
    function.field("parameters", value.spec->parameters);
  });
}
template <class Io>
void describe(Io& io, Url& value) {
  io.field("url", value.url);
}
template <class Io>
void describe(Io& io, TextPiece& value) {
  io.literal("type", "text");
  io.field("text", value.text);
  if (value.breakpoint) io.object("cache_control", [](auto& control) { control.literal("type", "ephemeral"); });
}
template <class Io>
void describe(Io& io, ImagePiece& value) {
  io.literal("type", "image_url");
  io.field("image_url", value.image_url);
}
template <class Io>
void describe(Io& io, DocumentPiece& value) {
  io.literal("type", "file");
  io.object("file", [&](auto& file) {
    file.field("filename", value.filename);
    file.field("file_data", value.file_data);
  });
}

JsonText text_json(std::string_view text) { return {wire::quoted(text)}; }

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
  Messages(const ModelRequest& request, std::vector<Message>& out)
      : request_(request),
        out_(out),
        reasoning_back_(wants_reasoning_back(request)),
        details_back_(is_at(request, "openrouter") || request.model.interleaved == "reasoning_details"),
        mistral_(request.provider.npm == "@ai-sdk/mistral" || is_at(request, "mistral")),
        marks_(marks_cache(request)) {}

  void system(const ChatMessages& messages) {
    std::string text;
    for (const auto& message : messages) {
      if (message.role == Role::system) join(text, message);
    }
    if (text.empty()) return;
    out_.push_back({.role = "system",
                    .content = marks_ ? wire::encode_json_text(std::vector{TextPiece{text, true}}) : text_json(text)});
  }

  // The newest message of the user is where the next request goes on.
  void mark_newest(const ChatMessages& messages) {
    if (!marks_) return;
    for (const auto& message : messages) newest_ = message.role == Role::user ? &message : newest_;
  }

  void add(const ChatMessage& message) {
    switch (message.role) {
      case Role::system: return;  // already first
      case Role::tool: return tool(message);
      case Role::user: {
        // Mistral wants an answer between the results of tools and what the user says next.
        if (mistral_ && !out_.empty() && out_.back().role == "tool" && pending_.empty()) {
          out_.push_back({.role = "assistant", .content = text_json("Done.")});
        }
        flush_images();
        return user(message);
      }
      case Role::assistant: flush_images(); return assistant(message);
    }
  }

  void flush_images() {
    if (pending_.empty()) return;
    pending_.insert(pending_.begin(), wire::encode_json_text(TextPiece{"Files from the tool results above:"}));
    out_.push_back({.role = "user", .content = wire::encode_json_text(std::exchange(pending_, {}))});
  }

 private:
  static void join(std::string& text, const ChatMessage& message) {
    for (const auto& content : message.content) {
      const auto* piece = std::get_if<TextContent>(&content);
      if (!piece || piece->text.empty()) continue;
      if (!text.empty()) text += "\n\n";
      text += piece->text;
    }
  }

  JsonText file_piece(const FileContent& file) const {
    const std::string name = file.filename.value_or("file");
    if (file.mime.starts_with("image/") && domain::accepts(request_.model, "image"))
      return wire::encode_json_text(ImagePiece{{file.url}});
    if (file.mime == "application/pdf" && domain::accepts(request_.model, "pdf")) {
      return wire::encode_json_text(DocumentPiece{name, file.url});
    }
    return wire::encode_json_text(TextPiece{protocol::not_shown(file)});
  }

  void user(const ChatMessage& message) {
    std::vector<JsonText> pieces;
    std::string text;
    bool only_text = true;
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        if (piece->text.empty()) continue;
        const bool breakpoint = &message == newest_ && &content == &message.content.back();
        only_text &= !breakpoint;
        pieces.push_back(wire::encode_json_text(TextPiece{piece->text, breakpoint}));
        text = piece->text;
      } else if (const auto* file = std::get_if<FileContent>(&content)) {
        pieces.push_back(file_piece(*file));
        only_text = false;
      }
    }
    // One text goes as a plain string, which every server understands.
    const bool plain = only_text && pieces.size() <= 1;
    out_.push_back({.role = "user", .content = plain ? text_json(text) : wire::encode_json_text(pieces)});
  }

  void assistant(const ChatMessage& message) {
    Message encoded{.role = "assistant"};
    std::string text;
    std::string reasoning;
    std::vector<Call> calls;
    wire::JsonArray details;
    const bool own = protocol::own_words(message, request_);
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        text += piece->text;
      } else if (const auto* thought = std::get_if<ReasoningContent>(&content)) {
        reasoning += thought->text;
        if (details_back_ && own) add_details(details, thought->metadata);
      } else if (const auto* call = std::get_if<ToolCallContent>(&content)) {
        calls.push_back({wire_id(call->id), {call->name, call->input.text}});
      }
    }
    if (text.empty() && calls.empty()) return;  // an answer of nothing but thoughts: no server takes an empty message
    if (!text.empty()) encoded.content = text_json(text);
    if (reasoning_back_ && !calls.empty()) encoded.reasoning_content = reasoning;
    if (!details.empty()) encoded.reasoning_details = wire::to_json_text(details);
    if (!calls.empty()) encoded.tool_calls = std::move(calls);
    out_.push_back(std::move(encoded));
  }

  void tool(const ChatMessage& message) {
    for (const auto& content : message.content) {
      const auto* result = std::get_if<ToolResultContent>(&content);
      if (!result) continue;
      out_.push_back({.role = "tool", .content = text_json(result->output), .tool_call_id = wire_id(result->id)});
      for (const auto& file : result->files) pending_.push_back(file_piece(file));
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
  std::vector<Message>& out_;
  bool reasoning_back_;
  bool details_back_;
  bool mistral_;
  bool marks_;
  const ChatMessage* newest_ = nullptr;
  std::vector<JsonText> pending_;
};

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

struct Body {
  const ModelRequest& request;
  std::vector<Message> messages;
  std::vector<Tool> tools;
};

template <class Io>
void describe(Io& io, Body& body) {
  const auto& request = body.request;
  const bool reasoning_model = openai_reasoning_model(request);
  std::vector<std::string> taken;
  const auto field = [&](std::string_view name, const auto& value) {
    taken.emplace_back(name);
    io.field(name, value);
  };
  field("model", request.model.api_id.empty() ? request.model.id : request.model.api_id);
  field("messages", body.messages);
  if (!body.tools.empty()) {
    field("tools", body.tools);
    field("tool_choice", std::string_view(request.tool_required ? "required" : "auto"));
  }
  if (request.output_tokens_max > 0) {
    field(reasoning_model ? "max_completion_tokens" : "max_tokens", request.output_tokens_max);
  }
  if (request.temperature && !reasoning_model) field("temperature", *request.temperature);
  if (request.top_p && !reasoning_model) field("top_p", *request.top_p);
  field("stream", true);
  field("stream_options", JsonText{R"({"include_usage":true})"});
  const auto options = wire::parse(request.options.text.empty() ? request.model.options.text : request.options.text);
  if (!options || !options->is_object()) return;
  for (const auto& option : options->get_object()) {
    const auto name = option_name(option.key());
    if (!name.empty() && std::ranges::find(taken, name) == taken.end()) field(name, wire::to_json_text(option.value()));
  }
}

}  // namespace

std::string encode_request(const ModelRequest& request) {
  Body body{request, {}, {}};
  Messages messages(request, body.messages);
  messages.system(request.messages);
  messages.mark_newest(request.messages);
  for (const auto& message : request.messages) messages.add(message);
  messages.flush_images();
  for (const auto& spec : request.tools) body.tools.push_back({&spec});
  return wire::encode(body);
}

}  // namespace quarterdeck::llm::chat_completions
