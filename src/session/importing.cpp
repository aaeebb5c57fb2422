// Sessions that were held elsewhere. What was open there is closed here: nobody goes on with it behind anybody's back.
#include <algorithm>

#include "session/host.hpp"
#include "workspace/project.hpp"

namespace quarterdeck::session {
namespace {

using namespace domain;

constexpr std::string_view kUnfinished = "Not finished when it was imported";

bool ended_by_import(const Message& message) {
  const auto* answer = std::get_if<AssistantMessage>(&message);
  return answer && answer->error && answer->error->message == kUnfinished;
}

bool is_finished(const Message& message) {
  const auto* answer = std::get_if<AssistantMessage>(&message);
  return !answer || answer->completed;
}

// The names inside agree with those outside, and nothing is left open.
void settle_import(MessageWithParts& message, const SessionId& session, TimeMs now) {
  const bool finished = is_finished(message.info);
  if (auto* user = std::get_if<UserMessage>(&message.info)) {
    user->session_id = session;
  } else {
    auto& answer = std::get<AssistantMessage>(message.info);
    answer.session_id = session;
    if (!finished) {
      answer.completed = answer.created;
      answer.error = MessageError{.name = "MessageAbortedError", .message = std::string(kUnfinished)};
    }
  }
  for (Part& part : message.parts) {
    part.session_id = session;
    part.message_id = id_of(message.info);
    auto* tool = std::get_if<ToolPart>(&part.content);
    if (!tool) continue;
    const auto* pending = std::get_if<ToolPending>(&tool->state);
    const auto* running = std::get_if<ToolRunning>(&tool->state);
    if (!pending && !running) continue;
    ToolError ended{.error = std::string(kUnfinished), .start = running ? running->start : now, .end = now};
    ended.input = pending ? pending->input : running->input;
    tool->state = std::move(ended);
  }
}

}  // namespace

Task<Result<Host::Imported>> Host::import(ImportSession given) {
  CO_TRY_VOID(engine_.store.admits());
  const TimeMs now = engine_.clock.now_ms();
  Session info = std::move(given.info);
  info.revert.reset();  // its snapshots are elsewhere
  if (!given.project) {
    const auto location = co_await workspace::locate(engine_.processes, info.directory);
    given.project = location.project;
  }
  Project project = std::move(*given.project);
  info.project_id = project.id;

  Imported done;
  std::shared_ptr<Actor> found;
  if (auto known = actor(info.id)) {
    found = std::move(*known);
    co_await found->free();
    CO_TRY_VOID(not_busy(*found));
  } else if (known.error().code != ErrorCode::not_found) {
    co_return std::unexpected(known.error());
  } else {
    if (const auto stored = engine_.query.project(project.id)) {
      project = *stored;
    } else if (project.created == 0) {
      project.created = project.updated = now;
    }
    // Not awaited: the store keeps the order and the session's commit below covers both.
    engine_.store.put_project(std::move(project), {});
    State state;
    state.session = info;
    found = add_actor(std::move(state));
    found->record(SessionCreated{info});
    done.made = true;
  }
  const Actor::Hold hold(*found);
  if (!done.made && info.updated > found->state().session.updated) {
    Session newer = found->state().session;
    newer.title = info.title;
    newer.cost = info.cost;
    newer.tokens = info.tokens;
    newer.summary = info.summary;
    newer.archived = info.archived;
    newer.updated = info.updated;
    found->record(SessionUpdated{std::move(newer)});
  }
  for (MessageWithParts& message : given.messages) {
    const auto here =
        done.made ? fail(ErrorCode::not_found, "new") : engine_.query.message(info.id, id_of(message.info));
    if (here && !(ended_by_import(here->info) && is_finished(message.info))) {
      ++done.kept;
      continue;
    }
    settle_import(message, info.id, now);
    found->record(MessageUpdated{std::move(message.info)});
    for (Part& part : message.parts) found->record(PartUpdated{std::move(part), now});
    ++done.messages;
  }
  const auto stored = co_await found->committed();
  if (!stored) {
    if (done.made) drop(found);
    co_return std::unexpected(stored.error());
  }
  release(found);
  co_return done;
}

}  // namespace quarterdeck::session
