#include "llm/chat_completions/encoder.hpp"

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

// These want their reasoning back while a turn goes on; others refuse the unknown member.
bool wants_reasoning_back(const ModelRequest& request) {
  const auto& provider = request.provider;
  for (const char* name : {"deepseek", "moonshot"}) {
    if (provider.id.contains(name) || provider.base_url.contains(name)) return true;
  }
  return false;
}

class Messages {
 public:
  Messages(const ModelRequest& request, std::vector<Message>& out)
      : out_(out), images_(request.model.attachment), reasoning_back_(wants_reasoning_back(request)) {}

  void system(const ChatMessages& messages) {
    std::string text;
    for (const auto& message : messages) {
      if (message.role == Role::system) join(text, message);
    }
    if (!text.empty()) out_.push_back({.role = "system", .content = text_json(text)});
  }

  void add(const ChatMessage& message) {
    switch (message.role) {
      case Role::system: return;  // already first
      case Role::tool: return tool(message);
      case Role::user: flush_images(); return user(message);
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
    if (images_ && file.mime.starts_with("image/")) return wire::encode_json_text(ImagePiece{{file.url}});
    if (images_ && file.mime == "application/pdf") return wire::encode_json_text(DocumentPiece{name, file.url});
    return wire::encode_json_text(TextPiece{fmt::format(
        "[{} ({}) cannot be shown: this model does not take such files. Tell the user.]", name, file.mime)});
  }

  void user(const ChatMessage& message) {
    std::vector<JsonText> pieces;
    std::string text;
    bool only_text = true;
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        if (piece->text.empty()) continue;
        pieces.push_back(wire::encode_json_text(TextPiece{piece->text}));
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
    for (const auto& content : message.content) {
      if (const auto* piece = std::get_if<TextContent>(&content)) {
        text += piece->text;
      } else if (const auto* thought = std::get_if<ReasoningContent>(&content)) {
        reasoning += thought->text;
      } else if (const auto* call = std::get_if<ToolCallContent>(&content)) {
        calls.push_back({call->id, {call->name, call->input.text}});
      }
    }
    if (text.empty() && calls.empty()) return;  // an answer of nothing but thoughts: no server takes an empty message
    if (!text.empty()) encoded.content = text_json(text);
    if (reasoning_back_ && !calls.empty()) encoded.reasoning_content = reasoning;
    if (!calls.empty()) encoded.tool_calls = std::move(calls);
    out_.push_back(std::move(encoded));
  }

  void tool(const ChatMessage& message) {
    for (const auto& content : message.content) {
      const auto* result = std::get_if<ToolResultContent>(&content);
      if (!result) continue;
      out_.push_back({.role = "tool", .content = text_json(result->output), .tool_call_id = result->id});
      for (const auto& file : result->files) pending_.push_back(file_piece(file));
    }
  }

  std::vector<Message>& out_;
  bool images_;
  bool reasoning_back_;
  std::vector<JsonText> pending_;
};

// Members of the model's `options` go into the body as they are; two have a name of their own in this protocol.
std::string_view option_name(std::string_view name) {
  if (name == "reasoningEffort") return "reasoning_effort";
  if (name == "textVerbosity") return "verbosity";
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
  const auto options = wire::parse(request.model.options.text);
  if (!options || !options->is_object()) return;
  for (const auto& option : options->get_object()) {
    const auto name = option_name(option.key());
    if (std::ranges::find(taken, name) == taken.end()) field(name, wire::to_json_text(option.value()));
  }
}

}  // namespace

std::string encode_request(const ModelRequest& request) {
  Body body{request, {}, {}};
  Messages messages(request, body.messages);
  messages.system(request.messages);
  for (const auto& message : request.messages) messages.add(message);
  messages.flush_images();
  for (const auto& spec : request.tools) body.tools.push_back({&spec});
  return wire::encode(body);
}

}  // namespace quarterdeck::llm::chat_completions
