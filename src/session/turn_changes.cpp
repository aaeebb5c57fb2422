// Turn: what its steps do to the worktree. A step whose calls only look gets no snapshot, and no git is started for it.
#include "base/log.hpp"
#include "session/instance.hpp"
#include "session/rollback.hpp"
#include "session/step_trees.hpp"
#include "session/turn.hpp"
#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

StepStartPart* start_of(std::vector<Part>& parts, Part** part = nullptr) {
  for (Part& each : parts) {
    auto* start = std::get_if<StepStartPart>(&each.content);
    if (!start) continue;
    if (part) *part = &each;
    return start;
  }
  return nullptr;
}

}  // namespace

bool Turn::takes_snapshots() const {
  return engine_.snapshots && instance_->config.snapshot.value_or(true) &&
         engine_.snapshots->covers(instance_->location);
}

Task<void> Turn::snapshot_before(const std::vector<Part>& calls) {
  const bool may_change = std::ranges::any_of(calls, [&](const Part& part) {
    const tools::Tool* tool = tools().find(std::get<ToolPart>(part.content).tool);
    return tool && !tool->idempotent();
  });
  if (!may_change || !takes_snapshots()) co_return;
  const auto tree = co_await engine_.snapshots->take(instance_->location);
  if (!tree) co_return;  // logged there; the step goes on without
  Part* part = nullptr;
  if (StepStartPart* start = start_of(parts_, &part)) {
    start->snapshot = *tree;
    record_part(Part(*part));
  }
}

// Nothing when there is none from before.
Task<std::optional<std::string>> Turn::snapshot_after() {
  const StepStartPart* start = start_of(parts_);
  if (!start || !start->snapshot || !takes_snapshots()) co_return std::nullopt;
  auto tree = co_await engine_.snapshots->take(instance_->location);
  if (!tree) co_return std::nullopt;
  co_return std::move(*tree);
}

Task<void> Turn::record_patch(std::optional<std::string> after) {
  if (!after) co_return;
  const std::string before = *start_of(parts_)->snapshot;
  if (before == *after) co_return;
  const auto files = co_await engine_.snapshots->changed_files(instance_->location, before, *after);
  if (!files || files->empty()) co_return;
  changed_ = true;
  PatchPart patch{.hash = before};
  for (const std::string& file : *files) patch.files.push_back((instance_->location.worktree / file).string());
  record_part({.id = engine_.ids.part(),
               .session_id = message_.session_id,
               .message_id = message_.id,
               .content = std::move(patch)});
  co_await keep_checkpoints(*engine_.snapshots, {.location = instance_->location,
                                                 .trees = {before, *after},
                                                 .session = message_.session_id,
                                                 .message = message_.id,
                                                 .files = *files,
                                                 .at = engine_.clock.now_ms()});
}

// A step that does not come to its end has no step-finish to hold what came of it.
Task<void> Turn::keep_unfinished_changes() {
  if (engine_.shutting_down()) co_return;  // the next start does it
  const auto after = co_await snapshot_after();
  if (!after) co_return;
  record_part({.id = engine_.ids.part(),
               .session_id = message_.session_id,
               .message_id = message_.id,
               .content = OtherPart{"snapshot", {fmt::format(R"({{"snapshot":{}}})", wire::quoted(*after))}}});
  co_await record_patch(after);
}

Task<void> Turn::summarize_changes() {
  if (actor_.state().turn_attempt > 1) changed_ = true;  // before the restart, maybe
  if (!changed_ || !takes_snapshots() || engine_.shutting_down()) co_return;
  const auto stored = co_await actor_.committed();
  if (!stored) co_return;
  store::Query& query = engine_.query;
  auto load = [&query, id = message_.session_id] { return query.history(id); };
  const auto history = co_await blocking(engine_.loop, engine_.pool, load);
  if (!history) co_return;
  const auto here = span_of(*history, [&](const MessageWithParts& message) {
    return std::get<AssistantMessage>(message.info).parent_id == prompt_;
  });
  const auto all = span_of(*history, [](const MessageWithParts&) { return true; });
  if (!here || !all) co_return;
  const auto turn = co_await engine_.snapshots->diff(instance_->location, here->before, here->after);
  const auto session = co_await engine_.snapshots->diff(instance_->location, all->before, all->after);
  if (!turn || !session) co_return;
  user_.summary = JsonText{fmt::format(R"({{"diffs":{}}})", diffs_json(*turn))};
  actor_.record(MessageUpdated{user_});
  Session info = actor_.state().session;
  info.summary = sum_of(*session);
  info.updated = engine_.clock.now_ms();
  actor_.record(SessionUpdated{std::move(info)});
  actor_.show(SessionDiffed{{diffs_json(*session)}});
}

}  // namespace quarterdeck::session
