#include "llm/protocol/request.hpp"

#include <algorithm>

namespace quarterdeck::llm::protocol {

Options::Options(const ModelRequest& request) {
  const auto& text = request.options.text.empty() ? request.model.options.text : request.options.text;
  if (auto parsed = wire::parse(text); parsed && parsed->is_object()) object_ = std::move(parsed->get_object());
}

const wire::Json* Options::take(std::string_view name) {
  seen_.emplace(name);
  const auto* value = object_.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

std::string Options::take_text(std::string_view name) {
  const auto* value = take(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

void Options::write_rest(JsonOut& body, const std::set<std::string, std::less<>>& taken) const {
  for (const auto& option : object_) {
    const std::string_view name = option.key();
    const bool wire_name = std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (wire_name && !seen_.contains(name) && !taken.contains(name)) {
      body.member_raw(name, wire::to_text(option.value()));
    }
  }
}

std::string_view wire_model(const ModelRequest& request) {
  return request.model.api_id.empty() ? request.model.id : request.model.api_id;
}

std::string system_text(const ModelRequest& request) {
  std::string text;
  for (const auto& message : request.messages) {
    if (message.role != Role::system) continue;
    for (const auto& content : message.content) {
      const auto* piece = std::get_if<TextContent>(&content);
      if (!piece || piece->text.empty()) continue;
      if (!text.empty()) text += "\n\n";
      text += piece->text;
    }
  }
  return text;
}

bool own_words(const ChatMessage& message, const ModelRequest& request) {
  const auto& said_by = message.said_by;
  const auto& provider = request.provider.id;
  return said_by.size() == provider.size() + 1 + request.model.id.size() && said_by.starts_with(provider) &&
         said_by[provider.size()] == '/' && said_by.ends_with(request.model.id);
}

bool holds_calls(const ChatMessage& message) {
  return std::ranges::any_of(message.content, [](const Content& content) {
    return std::holds_alternative<ToolCallContent>(content) || std::holds_alternative<ToolResultContent>(content);
  });
}

namespace {

ChatMessage told(const ChatMessage& message) {
  ChatMessage out{.role = message.role == Role::tool ? Role::user : message.role, .content = {}};
  for (const auto& content : message.content) {
    if (const auto* call = std::get_if<ToolCallContent>(&content)) {
      out.content.push_back(TextContent{fmt::format("[Called the tool {} with {}]", call->name, call->input.text)});
    } else if (const auto* result = std::get_if<ToolResultContent>(&content)) {
      out.content.push_back(TextContent{
          fmt::format("[{} of the tool {}]\n{}", result->error ? "Failure" : "Result", result->name, result->output)});
      for (const auto& file : result->files) out.content.push_back(file);
    } else if (!std::holds_alternative<ReasoningContent>(content)) {
      out.content.push_back(content);
    }
  }
  return out;
}

}  // namespace

ChatMessages spoken(const ModelRequest& request) {
  ChatMessages out;
  for (auto message = request.messages.begin(); message != request.messages.end(); ++message) {
    if (message->role == Role::system) continue;
    if (request.tools.empty() && holds_calls(*message)) {
      out.push_back(told(*message));
    } else {
      out.push_back(message.shared());
    }
  }
  return out;
}

std::string_view base64_of(std::string_view url) {
  const auto comma = url.find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos) return {};
  return url.substr(0, comma).ends_with(";base64") ? url.substr(comma + 1) : std::string_view();
}

std::string not_shown(const FileContent& file) {
  return fmt::format("[{} ({}) cannot be shown: this model does not take such files. Tell the user.]",
                     file.filename.value_or("file"), file.mime);
}

std::string call_id(std::string_view id, std::size_t bytes_max) {
  std::string out;
  bool changed = id.empty();
  for (const char c : id) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    out += plain ? c : '_';
    changed |= !plain;
  }
  if (!changed && out.size() <= bytes_max) return out;
  // FNV-1a: two ids that differ only in what was cut stay two.
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  const auto tail = fmt::format("_{:016x}", hash);
  out.resize(std::min(out.size(), bytes_max - std::min(bytes_max, tail.size())));
  return out + tail;
}

std::string object_text(const domain::JsonText& json) {
  const auto start = json.text.find_first_not_of(" \t\r\n");
  if (start != std::string::npos && json.text[start] == '{') return json.text;
  return "{\"value\":" + (start == std::string::npos ? "null" : json.text) + "}";
}

}  // namespace quarterdeck::llm::protocol
