#include "llm/scripted/conversation.hpp"

#include "wire/json.hpp"

namespace quarterdeck::llm::scripted {
namespace {

void append_line(std::string& text, std::string_view line) {
  if (!text.empty()) text += '\n';
  text += line;
}

std::string text_of(const wire::Json& message) {
  const auto* content = wire::value_at(message, "content");
  if (!content) return {};
  if (content->is_string()) return std::string(content->get_string());
  std::string text;
  if (const auto* pieces = content->if_array()) {
    for (const auto& piece : *pieces) {
      if (wire::string_at(piece, "type") == "text") append_line(text, wire::string_at(piece, "text"));
    }
  }
  return text;
}

bool holds_files(const wire::Json& message) {
  const auto* pieces = wire::array_at(message, "content");
  return pieces && std::ranges::any_of(*pieces, [](const wire::Json& piece) {
           const auto type = wire::string_at(piece, "type");
           return type == "image_url" || type == "file";
         });
}

}  // namespace

std::string Conversation::directory() const {
  constexpr std::string_view kLabel = "Working directory: ";
  const auto start = system.find(kLabel);
  if (start == std::string::npos) return {};
  const auto from = start + kLabel.size();
  std::string line = system.substr(from, system.find_first_of("\r\n", from) - from);
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

Result<Conversation> read_conversation(std::string_view body) {
  TRY(const auto json, wire::parse(body));
  const auto* messages = wire::array_at(json, "messages");
  if (!messages) return fail(ErrorCode::invalid, "\"messages\" must be an array");
  Conversation conversation{.model = wire::string_at(json, "model")};
  const auto* stream = wire::value_at(json, "stream");
  conversation.stream = stream && stream->is_bool() && stream->get_bool();
  if (const auto* tools = wire::array_at(json, "tools")) {
    conversation.has_tools = !tools->empty();
    for (const auto& tool : *tools) {
      const auto* function = wire::value_at(tool, "function");
      const auto name = function ? wire::string_at(*function, "name") : "";
      if (conversation.first_tool.empty() || name == "bash") conversation.first_tool = name;
    }
  }
  std::string_view before;
  std::string role;
  for (const auto& message : *messages) {
    role = wire::string_at(message, "role");
    if (role == "system" || role == "developer") {
      append_line(conversation.system, text_of(message));
    } else if (role == "user") {
      // Images of tool results travel in a user message of their own: nobody typed it.
      if (before == "tool" && holds_files(message)) continue;
      conversation.user = text_of(message);
      conversation.step = conversation.tool_results = 0;
      conversation.newest_results.clear();
    } else if (role == "assistant") {
      const auto* calls = wire::array_at(message, "tool_calls");
      if (calls && !calls->empty()) ++conversation.step;
      conversation.newest_results.clear();
    } else if (role == "tool") {
      ++conversation.tool_results;
      append_line(conversation.newest_results, text_of(message));
    }
    before = role == "tool" ? "tool" : "";
  }
  return conversation;
}

}  // namespace quarterdeck::llm::scripted
