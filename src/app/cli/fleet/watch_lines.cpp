#include "app/cli/fleet/watch_lines.hpp"

#include <algorithm>

#include "app/cli/tool_summary.hpp"

namespace quarterdeck::app {

using namespace domain;

namespace {

constexpr std::size_t kNameWidth = 14;

std::string status_word(const Status& status) {
  switch (status.type) {
    case Status::Type::idle: return "idle";
    case Status::Type::busy: return "works";
    case Status::Type::retry: return "tries again: " + status.message;
  }
  return "";
}

}  // namespace

std::string WatchLines::lines(const SessionId& session, std::string_view mark, Paint paint,
                              std::string_view text) const {
  std::string out;
  std::string name;
  if (names_.size() > 1) {
    const auto found = names_.find(session.value);
    name =
        padded(one_line(style_, found != names_.end() ? found->second : session.value, kNameWidth), kNameWidth) + " ";
  }
  const std::string safe = harmless(text);
  std::string_view before = mark;
  for (const auto line : lines_of(safe)) {
    out += painted(style_, Paint::dim, name) + painted(style_, paint, before) + " " + std::string(line) + "\n";
    before = " ";
  }
  return out;
}

std::string WatchLines::part(const Part& part) {
  const Marks& mark = marks(style_);
  if (const auto* text = std::get_if<TextPart>(&part.content)) {
    if (text->synthetic.value_or(false) || text->ignored.value_or(false)) return {};
    const bool asked = users_.contains(part.message_id);
    if (!asked && !(text->time && text->time->end)) return {};
    if (!printed_.insert(part.id).second) return {};
    return lines(part.session_id, asked ? ">" : mark.tool, asked ? Paint::cyan : Paint::plain, text->text);
  }
  const auto* call = std::get_if<ToolPart>(&part.content);
  if (call == nullptr) return {};
  const bool done =
      std::holds_alternative<ToolCompleted>(call->state) || std::holds_alternative<ToolError>(call->state);
  if (!done || !printed_.insert(part.id).second) return {};
  const ToolOutcome outcome = tool_outcome(*call, style_, directory_);
  const auto input = [](const auto& state) -> std::string {
    if constexpr (requires { state.input.text; }) return state.input.text;
    return "{}";
  };
  std::string words =
      call->tool + " " + one_line(style_, tool_subject(call->tool, std::visit(input, call->state), directory_), 100);
  if (!outcome.headline.empty()) words += "  " + outcome.headline;
  return lines(part.session_id, outcome.ok ? mark.ok : mark.bad, outcome.ok ? Paint::green : Paint::red, words);
}

std::string WatchLines::on(const LiveEvent& event) {
  if (!names_.contains(event.session.value)) return {};
  const Marks& mark = marks(style_);
  if (const auto* message = std::get_if<MessageUpdated>(&event.fact)) {
    if (const auto* user = std::get_if<UserMessage>(&message->info)) users_.insert(user->id);
    return {};
  }
  if (const auto* updated = std::get_if<PartUpdated>(&event.fact)) return part(updated->part);
  if (const auto* changed = std::get_if<StatusChanged>(&event.fact)) {
    std::string word = status_word(changed->status);
    if (std::exchange(status_[event.session.value], word) == word) return {};
    return lines(event.session, mark.dot, Paint::dim, word);
  }
  if (const auto* failed = std::get_if<SessionFailed>(&event.fact))
    return lines(event.session, mark.bad, Paint::red, "failed: " + failed->error.message);
  if (const auto* asked = std::get_if<PermissionAsked>(&event.fact)) {
    std::string what = asked->request.permission;
    for (const std::string& pattern : asked->request.patterns) what += " " + pattern;
    return lines(event.session, mark.ask, Paint::yellow,
                 fmt::format("asks for {}\nquarterdeck approve {}", what, asked->request.id.value));
  }
  if (const auto* question = std::get_if<QuestionAsked>(&event.fact))
    return lines(event.session, mark.ask, Paint::yellow,
                 fmt::format("asks a question\nquarterdeck answer {}", question->id));
  if (std::holds_alternative<SessionDeleted>(event.fact)) return lines(event.session, mark.bad, Paint::red, "deleted");
  return {};
}

}  // namespace quarterdeck::app
