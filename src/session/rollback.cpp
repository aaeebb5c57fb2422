// Host: takes a session's files back to a checkpoint.
//
//   hold ─► snapshot ─► checkpoint "before_rollback" ─► mark ─► restore ─► checkpoint "rollback" ─► unmark
//
// The mark is a file named after the session in <data>/rollback that holds its tree. What a crash left between is
// finished at the next start: a restore that is carried out twice comes to the same.
#include "session/rollback.hpp"

#include "base/log.hpp"
#include "session/host.hpp"
#include "session/instance.hpp"
#include "workspace/checkpoints.hpp"

namespace quarterdeck::session {

using namespace domain;
using workspace::CheckpointNote;
using workspace::Location;
using workspace::Snapshots;
using workspace::TreeId;

namespace {

constexpr std::size_t kFilesNamed = 3;

std::filesystem::path mark_of(const Engine& engine, const SessionId& id) {
  return engine.places.data / "rollback" / id.value;
}

std::string title_of(const std::vector<std::string>& files) {
  std::string title = fmt::format("{} file{}: ", files.size(), files.size() == 1 ? "" : "s");
  for (std::size_t i = 0; i < std::min(files.size(), kFilesNamed); ++i) title += (i ? ", " : "") + files[i];
  return files.size() > kFilesNamed ? title + ", …" : title;
}

// Exactly what the tree holds, whoever changed it since.
Task<Result<std::vector<std::string>>> restore(Snapshots& snapshots, Location location, TreeId now, TreeId wanted) {
  std::vector<workspace::StepTrees> all;
  all.push_back({.before = std::move(wanted), .after = now});
  CO_TRY(workspace::UndoPlan plan, co_await snapshots.plan_undo(location, std::move(all), std::move(now)));
  co_return co_await snapshots.apply(std::move(location), std::move(plan));
}

}  // namespace

Task<void> keep_checkpoints(Snapshots& snapshots, StepChanges changes) {
  CheckpointNote start{.session = changes.session, .kind = "start", .title = "before the first step", .at = changes.at};
  if (co_await workspace::has_no_checkpoint(snapshots, changes.location, changes.session)) {
    [[maybe_unused]] const auto kept =
        co_await workspace::keep_checkpoint(snapshots, changes.location, changes.trees.before, std::move(start));
  }
  CheckpointNote step{.session = changes.session,
                      .kind = "step",
                      .message = changes.message.value,
                      .title = title_of(changes.files),
                      .at = changes.at};
  const auto kept =
      co_await workspace::keep_checkpoint(snapshots, changes.location, changes.trees.after, std::move(step));
  if (!kept) log::warn("session {}: no checkpoint: {}", changes.session.value, kept.error().message);
}

Task<Result<Host::RolledBack>> Host::rollback(SessionId id, std::string checkpoint) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  CO_TRY_VOID(not_busy(*found));
  const Actor::Hold hold(*found);
  const auto instance = co_await engine_.instances.open(found->state().session.directory);
  Snapshots* snapshots = engine_.snapshots;
  if (!snapshots || !instance->config.snapshot.value_or(true) || !snapshots->covers(instance->location)) {
    co_return fail(ErrorCode::unavailable, "No snapshots are taken of {}", instance->location.worktree.string());
  }
  const Location location = instance->location;
  std::vector<std::string> look{"rev-parse", "--verify", "--quiet", "--end-of-options", checkpoint + "^{tree}"};
  CO_TRY(std::string looked, co_await snapshots->ask(location, std::move(look)));
  const TreeId wanted = looked.substr(0, looked.find('\n'));
  CO_TRY(const TreeId now, co_await snapshots->take(location));
  CheckpointNote before{.session = id,
                        .kind = "before_rollback",
                        .title = "before the rollback to " + checkpoint.substr(0, 12),
                        .at = engine_.clock.now_ms()};
  CO_TRY(std::string undo, co_await workspace::keep_checkpoint(*snapshots, location, now, std::move(before)));
  const std::filesystem::path mark = mark_of(engine_, id);
  auto write = [mark, wanted]() -> Result<void> {
    std::error_code error;
    std::filesystem::create_directories(mark.parent_path(), error);
    if (error) return fail(ErrorCode::unavailable, "cannot make {}: {}", mark.parent_path().string(), error.message());
    return write_file_atomically(mark, wanted, 0600);
  };
  CO_TRY_VOID(co_await blocking(engine_.loop, engine_.pool, write));
  auto left = co_await restore(*snapshots, location, now, wanted);
  std::error_code ignored;
  std::filesystem::remove(mark, ignored);
  if (!left) co_return std::unexpected(left.error());
  CO_TRY(const TreeId after, co_await snapshots->take(location));
  CheckpointNote done{.session = id,
                      .kind = "rollback",
                      .title = "rolled back to " + checkpoint.substr(0, 12),
                      .at = engine_.clock.now_ms()};
  CO_TRY_VOID(co_await workspace::keep_checkpoint(*snapshots, location, after, std::move(done)));
  co_return RolledBack{.undo = std::move(undo), .left = std::move(*left)};
}

Task<Result<Host::RolledBack>> Host::take_files(SessionId from, std::string checkpoint, SessionId to) {
  CO_TRY(const Session original, engine_.query.session(from));
  CO_TRY(const Session copy, engine_.query.session(to));
  if (!engine_.snapshots) co_return fail(ErrorCode::unavailable, "No snapshots are taken");
  const auto there = co_await engine_.instances.open(original.directory);
  const auto here = co_await engine_.instances.open(copy.directory);
  CO_TRY(TreeId tree, co_await engine_.snapshots->bring(there->location, std::move(checkpoint), here->location));
  co_return co_await rollback(std::move(to), std::move(tree));
}

Task<void> Host::finish_rollbacks() {
  std::vector<std::filesystem::path> marks;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(engine_.places.data / "rollback", none)) {
    marks.push_back(entry.path());
  }
  for (const auto& mark : marks) {
    const SessionId id{mark.filename().string()};
    const auto wanted = read_file(mark);
    const auto session = engine_.query.session(id);
    if (wanted && session && engine_.snapshots) {
      const auto instance = co_await engine_.instances.open(session->directory);
      auto now = co_await engine_.snapshots->take(instance->location);
      auto left = now ? co_await restore(*engine_.snapshots, instance->location, *now, *wanted)
                      : Result<std::vector<std::string>>(std::unexpected(now.error()));
      if (!left) log::error("session {}: rollback not finished: {}", id.value, left.error().message);
    }
    std::filesystem::remove(mark, none);
  }
}

}  // namespace quarterdeck::session
