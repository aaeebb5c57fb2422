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

namespace {

using Said = std::vector<llm::ChatMessages::Shared>;

struct Asked {
  const MessageId& current;
  const std::optional<MessageId>& without;
  const std::deque<MessageId>& waiting;
};

// What the messages from `begin` to `end` say: see chat_messages().
Said said_between(const History& history, std::size_t begin, std::size_t end, const std::optional<Cut>& cut,
                  const Asked& asked) {
  struct Steps {
    std::size_t first = 0;  // place in the history
    std::vector<const HistoryMessage*> all;
  };
  std::unordered_map<std::string_view, Steps> steps;
  for (std::size_t place = begin; place < end; ++place) {
    const HistoryMessage& message = history.messages()[place];
    const auto* assistant = std::get_if<AssistantMessage>(&message.info());
    if (!assistant || assistant->id == asked.without || (cut && place < cut->at)) continue;
    Steps& answer = steps[assistant->parent_id.value];
    if (answer.all.empty()) answer.first = place;
    answer.all.push_back(&message);
  }
  Said out;
  const auto add = [&](const HistoryMessage& message) {
    for (const auto& said : message.said()) out.push_back(said);
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
  for (std::size_t place = begin; place < end; ++place) {
    const HistoryMessage& message = history.messages()[place];
    if (!std::holds_alternative<UserMessage>(message.info())) continue;
    const MessageId& id = id_of(message.info());
    if (id == asked.current) {
      prompt = &message;
      continue;
    }
    const auto answer = steps.find(id.value);
    const bool answered = answer != steps.end();
    // What the summary stands for is left out, and so are summaries that failed.
    if (cut && !answered && place < cut->at) continue;
    if (is_compaction_request(message.message()) && (!cut || cut->request != id)) continue;
    if (!answered && (prompt || std::ranges::find(asked.waiting, id) != asked.waiting.end())) continue;
    turns.emplace_back(answered ? answer->second.first : place, &message);
  }
  std::ranges::sort(turns, {}, &std::pair<std::size_t, const HistoryMessage*>::first);  // places differ
  for (const auto& [begun, message] : turns) add_turn(*message);
  if (prompt) add_turn(*prompt);
  return out;
}

// For each place from `begin` on: the earliest prompt that is answered at it or behind it. A history can be parted where
// that is not before the place; not before what answers nothing that is here, nor between an answer and a prompt that a
// clock put behind it.
std::vector<std::size_t> answered_behind(const History& history, std::size_t begin) {
  const auto& messages = history.messages();
  std::unordered_map<std::string_view, std::size_t> prompts;
  for (std::size_t place = begin; place < messages.size(); ++place) {
    if (const auto* user = std::get_if<UserMessage>(&messages[place].info())) prompts[user->id.value] = place;
  }
  std::vector<std::size_t> earliest(messages.size() - begin + 1, messages.size());
  std::size_t whole_until = begin;
  for (std::size_t place = messages.size(); place-- > begin;) {
    std::size_t& here = earliest[place - begin] = std::min(earliest[place - begin + 1], place);
    const auto* assistant = std::get_if<AssistantMessage>(&messages[place].info());
    if (!assistant) continue;
    const auto prompt = prompts.find(assistant->parent_id.value);
    here = std::min(here, prompt == prompts.end() ? 0 : prompt->second);
    if (prompt != prompts.end() && prompt->second > place) whole_until = std::max(whole_until, prompt->second);
  }
  std::fill_n(earliest.begin() + 1, whole_until - begin, 0);
  return earliest;
}

// Enough that a request has few pieces, little enough that what is not yet one costs nothing.
constexpr std::size_t kPieceMessages = 32;

// Turns that are over become pieces. Returns where the rest begins, and with it the cut that matters there.
std::size_t settle(const History& history, std::optional<Cut>& cut, const Asked& asked) {
  const auto& messages = history.messages();
  Settled& settled = history.settled();
  std::size_t begin = settled.end();
  cut = newest_cut(history, begin);
  std::vector<std::size_t> answered = answered_behind(history, begin);
  if (answered.front() < begin) {  // something behind answers what is settled: begin again
    settled.begin_at(0);
    begin = 0;
    cut = newest_cut(history);
    answered = answered_behind(history, begin);
  }
  if (cut) {
    const std::size_t request = history.place_of(cut->request);
    // A prompt from before the summary that is answered after it: nothing parts them.
    if (answered[request - begin] < request || history.place_of(asked.current) < request) return 0;
    answered.erase(answered.begin(), answered.begin() + static_cast<std::ptrdiff_t>(request - begin));
    settled.begin_at(begin = request);
  }
  // Whoever is still to be answered, or to answer, is not over.
  std::size_t piece = begin;
  for (std::size_t place = begin; place < messages.size(); ++place) {
    const Message& info = messages[place].info();
    const bool may_part = std::holds_alternative<UserMessage>(info) && answered[place - begin] >= place;
    if (may_part && place - piece >= kPieceMessages) {
      settled.add(place, said_between(history, piece, place, cut, asked));
      piece = place;
    }
    const auto* step = std::get_if<AssistantMessage>(&info);
    if (step && !step->completed) break;
    if (id_of(info) == asked.current || std::ranges::find(asked.waiting, id_of(info)) != asked.waiting.end()) break;
  }
  return piece;
}

}  // namespace

llm::ChatMessages chat_messages(const History& history, const MessageId& current,
                                const std::optional<MessageId>& without, const std::deque<MessageId>& waiting) {
  const Asked asked{current, without, waiting};
  Settled& settled = history.settled();
  settled.forget_from(history.place_of(current));
  for (const MessageId& id : waiting) settled.forget_from(history.place_of(id));
  if (without) settled.forget_from(history.place_of(*without));
  std::optional<Cut> cut;
  const std::size_t rest = settle(history, cut, asked);
  llm::ChatMessages messages;
  if (rest > 0) messages = settled.messages();
  for (auto& said : said_between(history, rest, history.messages().size(), cut, asked)) {
    messages.push_back(std::move(said));
  }
  return messages;
}

}  // namespace quarterdeck::session
