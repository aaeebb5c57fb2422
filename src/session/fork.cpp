#include "session/fork.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "session/state.hpp"
#include "session/task_record.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::string_view kForkMark = " (fork #";

void end_what_runs(PartContent& content, TimeMs now) {
  if (auto* text = std::get_if<TextPart>(&content)) {
    if (text->time && !text->time->end) text->time->end = now;
  } else if (auto* reasoning = std::get_if<ReasoningPart>(&content)) {
    if (!reasoning->time.end) reasoning->time.end = now;
  } else if (auto* call = std::get_if<ToolPart>(&content)) {
    ToolError ended{
        .error = "Tool execution aborted", .metadata = JsonText{R"({"interrupted":true})"}, .start = now, .end = now};
    if (const auto* pending = std::get_if<ToolPending>(&call->state)) {
      ended.input = pending->input;
    } else if (const auto* running = std::get_if<ToolRunning>(&call->state)) {
      ended.input = running->input;
      ended.start = running->start;
    } else {
      return;
    }
    call->state = std::move(ended);
  }
}

}  // namespace

std::string fork_title(std::string_view title) {
  const auto mark = title.rfind(kForkMark);
  if (mark != title.npos && title.ends_with(')')) {
    const std::string_view digits = title.substr(mark + kForkMark.size(), title.size() - mark - kForkMark.size() - 1);
    int number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc{} && end == digits.data() + digits.size()) {
      return fmt::format("{}{}{})", title.substr(0, mark), kForkMark, number + 1);
    }
  }
  return fmt::format("{}{}1)", title, kForkMark);
}

Fork fork(const Session& original, const std::vector<MessageWithParts>& history, const std::optional<MessageId>& before,
          IdSource& ids, TimeMs now, std::string_view version, const std::optional<ForkInto>& into) {
  // The task stays with who works on it: nobody waits for this one.
  std::optional<JsonText> metadata = original.metadata;
  if (task_record(metadata) != TaskRecord{}) metadata = with_task_record(metadata, {});
  const CreateSession command{.id = into ? std::optional(into->id) : std::nullopt,
                              .directory = into ? into->directory : original.directory,
                              .title = fork_title(original.title),
                              .agent = original.agent,
                              .model = original.model,
                              .metadata = std::move(metadata),
                              .permission = original.permission};
  const Project project{.id = original.project_id};
  Fork made{.session = new_session(command, project, original.path, ids, now, version)};
  Session& session = made.session;
  // All names first: when the clock was set back, an answer may lie before its prompt, and go where that goes.
  std::map<MessageId, MessageId> renamed;
  std::set<MessageId> left;
  for (const MessageWithParts& message : history) {
    if (!left.empty() || id_of(message.info) == before) {
      left.insert(id_of(message.info));
    } else {
      renamed[id_of(message.info)] = ids.message();
    }
  }
  for (const MessageWithParts& message : history) {
    if (left.contains(id_of(message.info))) break;
    const auto* asked_by = std::get_if<AssistantMessage>(&message.info);
    if (asked_by && left.contains(asked_by->parent_id)) continue;
    const MessageId id = renamed[id_of(message.info)];
    Message info = message.info;
    if (auto* user = std::get_if<UserMessage>(&info)) {
      user->id = id;
      user->session_id = session.id;
    } else {
      auto& answer = std::get<AssistantMessage>(info);
      answer.id = id;
      answer.session_id = session.id;
      if (const auto parent = renamed.find(answer.parent_id); parent != renamed.end())
        answer.parent_id = parent->second;
      if (!answer.completed) {
        answer.completed = now;
        answer.error = MessageError{.name = "MessageAbortedError", .message = "Aborted"};
      }
      session.cost += answer.cost;
      session.tokens.input += answer.tokens.input;
      session.tokens.output += answer.tokens.output;
      session.tokens.reasoning += answer.tokens.reasoning;
      session.tokens.cache_read += answer.tokens.cache_read;
      session.tokens.cache_write += answer.tokens.cache_write;
    }
    made.events.push_back(MessageUpdated{std::move(info)});
    for (Part part : message.parts) {
      part.id = ids.part();
      part.session_id = session.id;
      part.message_id = id;
      end_what_runs(part.content, now);
      made.events.push_back(PartUpdated{std::move(part), now});
    }
  }
  return made;
}

}  // namespace quarterdeck::session
