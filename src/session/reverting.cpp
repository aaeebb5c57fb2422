// Host: takes a conversation and its files back, and forward again.
//
//   revert:  mark ─► [redo an older one] ─► snapshot ─► record {snapshot} ─► undo the files ─► record {diff} ─► unmark
//
// The mark is a file named after the session in <data>/revert. What a crash left between mark and unmark is finished at
// the next start: an undo that is carried out twice comes to the same.
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "session/host.hpp"
#include "session/instance.hpp"
#include "session/revert.hpp"
#include "session/step_trees.hpp"

namespace quarterdeck::session {

using namespace domain;
using workspace::FileChange;
using workspace::UndoPlan;

namespace {

constexpr std::string_view kReverting = "revert";
constexpr std::string_view kUnreverting = "unrevert";

std::filesystem::path mark_of(const Engine& engine, const SessionId& id) {
  return engine.places.data / "revert" / id.value;
}

Result<void> write_mark(const std::filesystem::path& file, std::string_view what) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) return fail(ErrorCode::unavailable, "cannot make {}: {}", file.parent_path().string(), error.message());
  return write_file_atomically(file, what, 0600);
}

}  // namespace

// One session's files and their history while they are taken back. Lives in the frame of the command.
class Host::Reverting {
 public:
  Reverting(Engine& engine, std::shared_ptr<Actor> actor) : engine_(engine), actor_(std::move(actor)) {}

  Task<Result<void>> open() {
    instance_ = co_await engine_.instances.open(session().directory);
    store::Query& query = engine_.query;
    auto load = [&query, id = session().id] { return query.history(id); };
    CO_TRY(history_, co_await blocking(engine_.loop, engine_.pool, load));
    co_return Result<void>();
  }
  const Session& session() const { return actor_->state().session; }
  const std::vector<MessageWithParts>& history() const { return history_; }

  Task<Result<void>> revert(Revert point) {
    const auto earlier = session().revert;
    if (snapshots()) {
      if (earlier && earlier->snapshot) CO_TRY_VOID(co_await redo(*earlier));
      CO_TRY(point.snapshot, co_await engine_.snapshots->take(instance_->location));
      // Whatever cannot be undone is refused before it is recorded.
      CO_TRY([[maybe_unused]] const UndoPlan possible, co_await plan(point));
    }
    CO_TRY_VOID(co_await record(point, {}));
    failpoint::reach("session.revert.recorded");
    co_return co_await finish_revert();
  }

  // From the record on: also after a crash.
  Task<Result<void>> finish_revert() {
    Revert point = *session().revert;
    point.diff = "";
    std::vector<FileChange> undone;
    if (snapshots() && point.snapshot) {
      CO_TRY(UndoPlan undo, co_await plan(point));
      CO_TRY_VOID(co_await carry_out(std::move(undo)));
      failpoint::reach("session.revert.restored");
      CO_TRY(const workspace::TreeId now, co_await engine_.snapshots->take(instance_->location));
      CO_TRY(point.diff, co_await engine_.snapshots->patch(instance_->location, *point.snapshot, now));
      const auto behind = [&](const MessageWithParts& message) { return is_behind(history_, point, message); };
      CO_TRY(undone, co_await changes_in(span_of(history_, behind)));
    }
    actor_->show(SessionDiffed{{diffs_json(undone)}});
    co_return co_await record(std::move(point), sum_of(undone));
  }

  Task<Result<void>> unrevert() {
    const Revert point = *session().revert;
    std::vector<FileChange> all;
    if (snapshots() && point.snapshot) {
      CO_TRY_VOID(co_await redo(point));
      CO_TRY(all, co_await changes_in(span_of(history_, [](const MessageWithParts&) { return true; })));
    }
    actor_->show(SessionDiffed{{diffs_json(all)}});
    co_return co_await record(std::nullopt, sum_of(all));
  }

 private:
  bool snapshots() const {
    return engine_.snapshots && instance_->config.snapshot.value_or(true) &&
           engine_.snapshots->covers(instance_->location);
  }
  Task<Result<UndoPlan>> plan(Revert point) {
    co_return co_await engine_.snapshots->plan_undo(instance_->location, steps_behind(history_, point),
                                                    *point.snapshot);
  }
  Task<Result<void>> redo(Revert point) {
    CO_TRY(UndoPlan done, co_await plan(std::move(point)));
    CO_TRY(workspace::TreeId now, co_await engine_.snapshots->take(instance_->location));
    CO_TRY(UndoPlan forward,
           co_await engine_.snapshots->plan_redo(instance_->location, std::move(done), std::move(now)));
    co_return co_await carry_out(std::move(forward));
  }
  Task<Result<void>> carry_out(UndoPlan undo) {
    CO_TRY(const auto left, co_await engine_.snapshots->apply(instance_->location, std::move(undo)));
    for (const std::string& file : left) {
      log::info("session {}: {} was changed by others since and stays as it is", session().id.value, file);
    }
    co_return Result<void>();
  }
  Task<Result<std::vector<FileChange>>> changes_in(std::optional<workspace::StepTrees> span) {
    if (!span) co_return std::vector<FileChange>();
    co_return co_await engine_.snapshots->diff(instance_->location, std::move(span->before), std::move(span->after));
  }
  Task<Result<void>> record(std::optional<Revert> revert, std::optional<DiffSummary> summary) {
    if (actor_->state().deleted) co_return fail(ErrorCode::not_found, "The session was deleted meanwhile");
    Session session = actor_->state().session;
    session.revert = std::move(revert);
    if (summary) session.summary = summary;
    session.updated = engine_.clock.now_ms();
    actor_->record(SessionUpdated{std::move(session)});
    co_return co_await actor_->committed();
  }

  Engine& engine_;
  std::shared_ptr<Actor> actor_;
  std::shared_ptr<Instance> instance_;
  std::vector<MessageWithParts> history_;
};

Task<Result<Session>> Host::revert(SessionId id, MessageId message, std::optional<PartId> part) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  CO_TRY_VOID(not_busy(*found));
  const Actor::Hold hold(*found);
  Reverting work(engine_, found);
  CO_TRY_VOID(co_await work.open());
  const auto point = revert_point(work.history(), message, part);
  if (point) {
    CO_TRY_VOID(write_mark(mark_of(engine_, id), kReverting));
    failpoint::reach("session.revert.marked");
    const auto done = co_await work.revert(*point);
    // Refused, with nothing recorded: there is nothing to finish. A failure after the record is finished later.
    if (done || !work.session().revert || work.session().revert->diff) remove_mark(id);
    if (!done) co_return std::unexpected(done.error());
  }
  co_return work.session();
}

Task<Result<Session>> Host::unrevert(SessionId id) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  CO_TRY_VOID(not_busy(*found));
  const Actor::Hold hold(*found);
  if (!found->state().session.revert) co_return found->state().session;
  Reverting work(engine_, found);
  CO_TRY_VOID(co_await work.open());
  CO_TRY_VOID(write_mark(mark_of(engine_, id), kUnreverting));
  const auto done = co_await work.unrevert();
  remove_mark(id);
  if (!done) co_return std::unexpected(done.error());
  co_return work.session();
}

void Host::remove_mark(const SessionId& id) {
  std::error_code ignored;
  std::filesystem::remove(mark_of(engine_, id), ignored);
}

Task<void> Host::finish_reverts() {
  std::vector<SessionId> marked;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(engine_.places.data / "revert", none)) {
    marked.push_back(SessionId{entry.path().filename().string()});
  }
  for (const SessionId& id : marked) {
    const auto what = read_file(mark_of(engine_, id));
    const auto found = actor(id);
    if (what && found && (*found)->state().session.revert) {
      const Actor::Hold hold(**found);
      Reverting work(engine_, *found);
      auto done = co_await work.open();
      if (done) done = *what == kUnreverting ? co_await work.unrevert() : co_await work.finish_revert();
      if (!done) log::error("session {}: {} not finished: {}", id.value, *what, done.error().message);
    }
    remove_mark(id);
    if (found) release(*found);
  }
}

Task<Result<std::string>> Host::diff(SessionId id, std::optional<MessageId> prompt) {
  CO_TRY(const Session session, engine_.query.session(id));
  const auto instance = co_await engine_.instances.open(session.directory);
  if (!engine_.snapshots || !engine_.snapshots->covers(instance->location)) co_return std::string("[]");
  store::Query& query = engine_.query;
  auto load = [&query, id] { return query.history(id); };
  CO_TRY(const auto history, co_await blocking(engine_.loop, engine_.pool, load));
  const auto span = span_of(history, [&](const MessageWithParts& message) {
    if (prompt) return std::get<AssistantMessage>(message.info).parent_id == *prompt;
    return !session.revert || !is_behind(history, *session.revert, message);
  });
  if (!span) co_return std::string("[]");
  CO_TRY(const auto changes, co_await engine_.snapshots->diff(instance->location, span->before, span->after));
  co_return diffs_json(changes);
}

// The next thing said makes a revert final.
Task<Result<void>> Host::forget_reverted(SessionId id) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  co_await found->free();
  if (!found->state().session.revert || !not_busy(*found)) co_return Result<void>();
  const Actor::Hold hold(*found);
  store::Query& query = engine_.query;
  auto load = [&query, id] { return query.history(id); };
  CO_TRY(const auto history, co_await blocking(engine_.loop, engine_.pool, load));
  found->record(removals(history, *found->state().session.revert));
  Session session = found->state().session;
  session.revert.reset();
  session.updated = engine_.clock.now_ms();
  found->record(SessionUpdated{std::move(session)});
  co_return co_await found->committed();
}

}  // namespace quarterdeck::session
