#include "llm/scripted/conversation.hpp"

#include "llm/scripted/speech.hpp"
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

void add_tool(Conversation& conversation, const std::string& name) {
  conversation.has_tools = true;
  if (conversation.first_tool.empty() || name == "bash") conversation.first_tool = name;
}

void fold(const std::vector<Said>& messages, Conversation& conversation) {
  std::string_view before;
  for (const Said& message : messages) {
    if (message.role == "system") {
      append_line(conversation.system, message.text);
    } else if (message.role == "user") {
      // Images of tool results travel in a user message of their own: nobody typed it.
      if (before == "tool" && message.files) continue;
      conversation.user = message.text;
      conversation.step = conversation.tool_results = 0;
      conversation.newest_results.clear();
    } else if (message.role == "assistant") {
      if (message.calls) ++conversation.step;
      conversation.newest_results.clear();
    } else if (message.role == "tool") {
      ++conversation.tool_results;
      append_line(conversation.newest_results, message.text);
    }
    before = message.role == "tool" ? "tool" : "";
  }
}

std::string signature_of(std::string_view thought) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : thought) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return fmt::format("signed-{:016x}", hash);
}

std::string next_id(std::string_view prefix) {
  // Unique enough in one session, which is all that ids of calls promise.
  static std::uint64_t counter = 0;
  return fmt::format("{}{:x}", prefix, ++counter);
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string all;
  for (const auto& piece : pieces) all += piece;
  return all;
}

std::pair<std::string_view, std::string_view> halves(std::string_view text) {
  auto middle = text.size() / 2;
  while (middle < text.size() && (static_cast<unsigned char>(text[middle]) & 0xC0) == 0x80) ++middle;
  return {text.substr(0, middle), text.substr(middle)};
}

Result<Conversation> read_conversation(std::string_view body) {
  TRY(const auto json, wire::parse(body));
  const auto* messages = wire::array_at(json, "messages");
  if (!messages) return fail(ErrorCode::invalid, "\"messages\" must be an array");
  Conversation conversation{.model = wire::string_at(json, "model")};
  const auto* stream = wire::value_at(json, "stream");
  conversation.stream = stream && stream->is_bool() && stream->get_bool();
  if (const auto* tools = wire::array_at(json, "tools")) {
    for (const auto& tool : *tools) {
      const auto* function = wire::value_at(tool, "function");
      add_tool(conversation, function ? wire::string_at(*function, "name") : "");
    }
  }
  std::vector<Said> said;
  for (const auto& message : *messages) {
    auto role = wire::string_at(message, "role");
    if (role == "developer") role = "system";
    const auto* calls = wire::array_at(message, "tool_calls");
    said.push_back({role, text_of(message), calls && !calls->empty(), holds_files(message)});
  }
  fold(said, conversation);
  return conversation;
}

}  // namespace quarterdeck::llm::scripted
