#include "session/context.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace quarterdeck::session {
namespace {

using namespace domain;

constexpr std::string_view kInterrupted = "[Tool execution was interrupted; its outcome is unknown]";

bool is_text(std::string_view mime) {
  return mime.starts_with("text/") || mime == "application/json" || mime == "application/x-directory";
}

void add_user_part(llm::ChatMessage& message, const PartContent& content) {
  if (const auto* text = std::get_if<TextPart>(&content)) {
    if (!text->ignored.value_or(false) && !text->text.empty()) message.content.push_back(llm::TextContent{text->text});
  } else if (const auto* file = std::get_if<FilePart>(&content)) {
    if (!file->url.starts_with("data:")) return;  // file: parts come with synthetic text parts that hold the content
    if (is_text(file->mime)) {
      message.content.push_back(llm::TextContent{
          fmt::format("Attached file {}:\n{}", file->filename.value_or("(unnamed)"), data_url_bytes(file->url))});
    } else {
      message.content.push_back(llm::FileContent{file->mime, file->url, file->filename});
    }
  }
}

llm::ToolResultContent result_of(const ToolPart& call) {
  llm::ToolResultContent result{.id = call.call_id, .name = call.tool};
  if (const auto* done = std::get_if<ToolCompleted>(&call.state)) {
    result.output = done->output;
    for (const Attachment& file : done->attachments) result.files.push_back({file.mime, file.url, {}});
  } else if (const auto* error = std::get_if<ToolError>(&call.state)) {
    result.output = error->error;
    result.error = true;
  } else {
    result.output = kInterrupted;
    result.error = true;
  }
  return result;
}

JsonText input_of(const ToolState& state) {
  return std::visit([](const auto& s) { return s.input; }, state);
}

}  // namespace

std::string data_url_bytes(std::string_view url) {
  const std::size_t comma = url.find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos) return {};
  const std::string_view head = url.substr(0, comma);
  const std::string_view body = url.substr(comma + 1);
  return head.ends_with(";base64") ? base64_decode(body).value_or("") : percent_decode(body);
}

void append_step(std::vector<llm::ChatMessage>& messages, const MessageWithParts& step) {
  llm::ChatMessage assistant{.role = llm::Role::assistant};
  llm::ChatMessage results{.role = llm::Role::tool};
  for (const Part& part : step.parts) {
    if (const auto* text = std::get_if<TextPart>(&part.content)) {
      if (!text->text.empty()) assistant.content.push_back(llm::TextContent{text->text});
    } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part.content)) {
      if (!reasoning->text.empty()) assistant.content.push_back(llm::ReasoningContent{reasoning->text});
    } else if (const auto* call = std::get_if<ToolPart>(&part.content)) {
      assistant.content.push_back(llm::ToolCallContent{call->call_id, call->tool, input_of(call->state)});
      results.content.push_back(result_of(*call));
    }
  }
  // Reasoning alone says nothing to the next call, and providers refuse empty messages.
  const bool speaks = std::ranges::any_of(
      assistant.content, [](const llm::Content& c) { return !std::holds_alternative<llm::ReasoningContent>(c); });
  if (!speaks) return;
  messages.push_back(std::move(assistant));
  if (!results.content.empty()) messages.push_back(std::move(results));
}

std::vector<llm::ChatMessage> chat_messages(const std::vector<MessageWithParts>& history, const MessageId& current) {
  std::map<MessageId, std::vector<const MessageWithParts*>> steps;
  for (const MessageWithParts& message : history) {
    if (const auto* assistant = std::get_if<AssistantMessage>(&message.info)) {
      steps[assistant->parent_id].push_back(&message);
    }
  }
  std::vector<llm::ChatMessage> messages;
  const MessageWithParts* prompt = nullptr;
  const auto add_turn = [&](const MessageWithParts& user) {
    llm::ChatMessage asked{.role = llm::Role::user};
    for (const Part& part : user.parts) add_user_part(asked, part.content);
    if (!asked.content.empty()) messages.push_back(std::move(asked));
    for (const MessageWithParts* step : steps[id_of(user.info)]) append_step(messages, *step);
  };
  bool after_current = false;
  for (const MessageWithParts& message : history) {
    if (!std::holds_alternative<UserMessage>(message.info)) continue;
    const MessageId& id = id_of(message.info);
    if (id == current) {
      prompt = &message;
      after_current = true;
      continue;
    }
    // Later prompts wait for their own turn; those with an answer already (an earlier id, a later clock) belong.
    if (after_current && !steps.contains(id)) continue;
    add_turn(message);
  }
  if (prompt) add_turn(*prompt);
  return messages;
}

}  // namespace quarterdeck::session
