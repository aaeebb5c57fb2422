#include "session/context.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "session/compaction.hpp"

namespace quarterdeck::session {
namespace {

using namespace domain;

constexpr std::string_view kCleared = "[Old tool result content cleared]";
constexpr std::string_view kInterrupted = "[Tool execution was interrupted; its outcome is unknown]";

bool is_text(std::string_view mime) {
  return mime.starts_with("text/") || mime == "application/json" || mime == "application/x-directory";
}

// The texts of the prompt's files stand beside them (attachments.hpp).
bool has_read_files(const MessageWithParts& message) {
  return std::ranges::any_of(message.parts, [](const Part& part) {
    const auto* text = std::get_if<TextPart>(&part.content);
    return text && text->synthetic.value_or(false) && text->text.starts_with("Called the Read tool");
  });
}

void add_user_part(llm::ChatMessage& message, const PartContent& content, bool files_read) {
  if (const auto* text = std::get_if<TextPart>(&content)) {
    if (!text->ignored.value_or(false) && !text->text.empty()) message.content.push_back(llm::TextContent{text->text});
  } else if (std::holds_alternative<CompactionPart>(content)) {
    message.content.push_back(llm::TextContent{"What did we do so far?"});
  } else if (std::holds_alternative<SubtaskPart>(content)) {
    message.content.push_back(llm::TextContent{"The following tool was executed by the user"});
  } else if (const auto* file = std::get_if<FilePart>(&content)) {
    if (!file->url.starts_with("data:")) return;  // file: parts come with synthetic text parts that hold the content
    if (files_read && (file->mime == "text/plain" || file->mime == "application/x-directory")) return;
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
    result.output = done->compacted ? std::string(kCleared) : done->output;
    if (done->compacted) return result;
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

std::vector<llm::ChatMessage> render_step(const MessageWithParts& step) {
  llm::ChatMessage assistant{.role = llm::Role::assistant};
  llm::ChatMessage results{.role = llm::Role::tool};
  if (const auto* info = std::get_if<AssistantMessage>(&step.info)) {
    assistant.said_by = info->provider_id + '/' + info->model_id;
  }
  for (const Part& part : step.parts) {
    if (const auto* text = std::get_if<TextPart>(&part.content)) {
      if (text->text.empty() || text->ignored.value_or(false)) continue;
      assistant.content.push_back(llm::TextContent{text->text, text->metadata});
    } else if (const auto* reasoning = std::get_if<ReasoningPart>(&part.content)) {
      if (reasoning->text.empty() && !reasoning->metadata) continue;
      assistant.content.push_back(llm::ReasoningContent{reasoning->text, reasoning->metadata});
    } else if (const auto* call = std::get_if<ToolPart>(&part.content)) {
      assistant.content.push_back(
          llm::ToolCallContent{call->call_id, call->tool, input_of(call->state), call->metadata});
      results.content.push_back(result_of(*call));
    }
  }
  // Reasoning alone says nothing to the next call, and providers refuse empty messages.
  const bool speaks = std::ranges::any_of(
      assistant.content, [](const llm::Content& c) { return !std::holds_alternative<llm::ReasoningContent>(c); });
  std::vector<llm::ChatMessage> messages;
  if (!speaks) return messages;
  messages.push_back(std::move(assistant));
  if (!results.content.empty()) messages.push_back(std::move(results));
  return messages;
}

}  // namespace

std::string data_url_bytes(std::string_view url) {
  const std::size_t comma = url.find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos) return {};
  const std::string_view head = url.substr(0, comma);
  const std::string_view body = url.substr(comma + 1);
  return head.ends_with(";base64") ? base64_decode(body).value_or("") : percent_decode(body);
}

std::vector<llm::ChatMessage> render(const MessageWithParts& message) {
  if (std::holds_alternative<AssistantMessage>(message.info)) return render_step(message);
  llm::ChatMessage asked{.role = llm::Role::user};
  const bool files_read = has_read_files(message);
  for (const Part& part : message.parts) add_user_part(asked, part.content, files_read);
  std::vector<llm::ChatMessage> messages;
  if (!asked.content.empty()) messages.push_back(std::move(asked));
  return messages;
}

llm::ChatMessages chat_messages(const History& history, const MessageId& current,
                                const std::optional<MessageId>& without, const std::deque<MessageId>& waiting) {
  struct Steps {
    std::size_t first = 0;  // place in the history
    std::vector<const HistoryMessage*> all;
  };
  const std::optional<Cut> cut = newest_cut(history);
  std::unordered_map<std::string_view, Steps> steps;
  steps.reserve(history.messages().size());
  for (std::size_t place = 0; const HistoryMessage& message : history.messages()) {
    ++place;
    const auto* assistant = std::get_if<AssistantMessage>(&message.info());
    if (!assistant || assistant->id == without || (cut && place <= cut->at)) continue;
    Steps& answer = steps[assistant->parent_id.value];
    if (answer.all.empty()) answer.first = place;
    answer.all.push_back(&message);
  }
  llm::ChatMessages messages;
  const auto add = [&](const HistoryMessage& message) {
    for (const auto& said : message.said()) messages.push_back(said);
  };
  const auto add_turn = [&](const HistoryMessage& prompt) {
    add(prompt);
    const auto answer = steps.find(id_of(prompt.info()).value);
    if (answer == steps.end()) return;
    for (const HistoryMessage* step : answer->second.all) add(*step);
  };
  // Turns stand where their answers began: a prompt that steered was answered before older ones that waited.
  std::vector<std::pair<std::size_t, const HistoryMessage*>> turns;
  const HistoryMessage* prompt = nullptr;
  for (std::size_t place = 0; const HistoryMessage& message : history.messages()) {
    ++place;
    if (!std::holds_alternative<UserMessage>(message.info())) continue;
    const MessageId& id = id_of(message.info());
    if (id == current) {
      prompt = &message;
      continue;
    }
    const auto answer = steps.find(id.value);
    const bool answered = answer != steps.end();
    // What the summary stands for is left out, and so are summaries that failed.
    if (cut && !answered && place <= cut->at) continue;
    if (is_compaction_request(message.message()) && (!cut || cut->request != id)) continue;
    if (!answered && (prompt || std::ranges::find(waiting, id) != waiting.end())) continue;
    turns.emplace_back(answered ? answer->second.first : place, &message);
  }
  std::ranges::sort(turns, {}, &std::pair<std::size_t, const HistoryMessage*>::first);  // places differ
  for (const auto& [begun, message] : turns) add_turn(*message);
  if (prompt) add_turn(*prompt);
  return messages;
}

}  // namespace quarterdeck::session
