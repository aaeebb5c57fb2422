// Turn: whether it is taken up again after a restart, and what becomes of the step that the restart cut off.
#include <algorithm>

#include "session/instance.hpp"
#include "session/interrupted.hpp"
#include "session/turn.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::string_view kInterrupted =
    "Tool execution was interrupted: the server stopped while it ran. Its outcome is unknown; check before you repeat "
    "it.";

}  // namespace

Recovery Turn::recovery() const { return instance_->recovery.value_or(engine_.options.recovery); }

bool Turn::asks_on() const {
  return std::ranges::any_of(parts_, [](const Part& part) {
    const auto* call = std::get_if<ToolPart>(&part.content);
    return call && std::holds_alternative<ToolRunning>(call->state);
  });
}

bool Turn::may_resume() const {
  if (!actor_.resumed()) return true;
  // Killed again before it could wait on: hardly the doing of a turn that only waits, for a person or a child, even if
  // the answer has come meanwhile.
  constexpr int kTimesWhileWaiting = 10;
  const bool waits = std::ranges::any_of(parts_, [this](const Part& part) {
    const auto* call = std::get_if<ToolPart>(&part.content);
    return call && std::holds_alternative<ToolRunning>(call->state) && comes_back(*call);
  });
  const int resumes_max = engine_.options.resumes_max * (waits ? kTimesWhileWaiting : 1);
  return recovery() == Recovery::resume && actor_.state().turn_attempt <= resumes_max + 1;
}

MessageError Turn::not_resumed_error() const {
  return {.name = "UnknownError",
          .message = recovery() == Recovery::end
                         ? "The server stopped during this turn; by policy it was not resumed"
                         : "The server stopped during this turn again and again; it was not resumed once more"};
}

Task<Turn::Next> Turn::finish_interrupted_step() {
  message_ = std::get<AssistantMessage>(interrupted_->info);
  parts_ = std::move(interrupted_->parts);
  const bool resume = may_resume();
  const TimeMs now = engine_.clock.now_ms();

  // A call that waits for a permission has not done anything yet: it asks on, under the same request. Whatever else
  // was under way may have had its effect, and is not run again.
  std::vector<Part> waiting;
  for (Part part : std::vector<Part>(parts_)) {
    if (auto* text = std::get_if<TextPart>(&part.content); text && text->time && !text->time->end) {
      text->time->end = now;
    } else if (auto* reasoning = std::get_if<ReasoningPart>(&part.content); reasoning && !reasoning->time.end) {
      reasoning->time.end = now;
    } else if (auto* call = std::get_if<ToolPart>(&part.content);
               call &&
               (std::holds_alternative<ToolRunning>(call->state) || std::holds_alternative<ToolPending>(call->state))) {
      if (resume && std::holds_alternative<ToolRunning>(call->state) && comes_back(*call)) {
        waiting.push_back(part);
        continue;
      }
      call->state = interrupted(call->state, kInterrupted, now);
    } else {
      continue;
    }
    record_part(part);
  }
  for (const auto& [id, request] : std::map(actor_.state().requests)) {
    if (!resume) actor_.record(PermissionReplied{id, Reply::reject, "The turn was interrupted by a restart"});
  }
  if (!resume) actor_.questions().withdraw_all();

  Next next = Next::step;
  if (!waiting.empty()) {
    // While it only waits for a person, a restart is no reason to give the turn up one day.
    const int attempt = actor_.state().turn_attempt;
    actor_.record(TurnStarted{prompt_, attempt - 1});
    next = co_await run_calls(std::move(waiting));
    actor_.record(TurnStarted{prompt_, std::min(attempt, engine_.options.resumes_max)});
  }
  co_await keep_unfinished_changes();
  if (next == Next::aborted) {
    if (!asks_on()) fail_message(aborted_error());
    co_return next;
  }
  if (!resume) {
    fail_message(not_resumed_error());
    co_return Next::error;
  }
  if (compaction_) {  // half a summary is none
    message_.error = MessageError{.name = "MessageAbortedError", .message = "Interrupted by a restart"};
    complete_message();
    co_return Next::step;
  }
  message_.structured = structured_output_of(parts_);
  if (message_.structured) answered_ = true;
  // What was streamed stays as it is, and the next step goes on from it.
  message_.finish = message_.finish.value_or("interrupted");
  complete_message();
  add_step();
  if (answered_) co_return Next::completed;
  if (messages_.back().role == llm::Role::assistant) {
    messages_.push_back({.role = llm::Role::user,
                         .content = {llm::TextContent{"[Your last answer was cut off by a restart of the server. "
                                                      "Continue where it stopped.]"}}});
  }
  co_return next;
}

}  // namespace quarterdeck::session
