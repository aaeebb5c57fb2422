#include "workspace/worktree_archive.hpp"

#include "base/log.hpp"
#include "workspace/git_run.hpp"
#include "workspace/session_worktrees.hpp"

namespace quarterdeck::workspace {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kSlowMs = 600'000;

std::string pins_of(const SessionWorktree& record) { return "refs/quarterdeck/archive/" + record.session.value + "/"; }

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

std::unexpected<Error> refused(const SessionWorktree& record, const std::vector<KeepReason>& reasons) {
  return fail(ErrorCode::conflict, "{} stays: {}", record.directory, reasons_text(reasons));
}

}  // namespace

fs::path kept_files_of(const SessionWorktree& record) {
  const fs::path directory(record.directory);
  return directory.parent_path() / (".archived-" + directory.filename().string());
}

WorktreeArchive::WorktreeArchive(Loop& loop, BlockingPool& pool, process::Processes& processes, Places places,
                                 Clock& clock, Reached reached)
    : loop_(loop),
      pool_(pool),
      processes_(processes),
      places_(std::move(places)),
      clock_(clock),
      reached_(std::move(reached)) {}

Task<Result<SessionWorktree>> WorktreeArchive::record(SessionId session) {
  auto read = [places = places_, session] { return record_of(places, session); };
  auto found = co_await blocking(loop_, pool_, read);
  if (!found) co_return fail(ErrorCode::not_found, "Session {} has no worktree of its own", session.value);
  co_return std::move(*found);
}

Task<Result<void>> WorktreeArchive::store(SessionWorktree record) {
  auto write = [record = std::move(record)] { return write_record(record); };
  co_return co_await blocking(loop_, pool_, std::move(write));
}

Task<Result<void>> WorktreeArchive::move(fs::path from, fs::path to) {
  auto rename = [from, to]() -> Result<void> {
    if (is_there(to)) return fail(ErrorCode::conflict, "{} is in the way", to.string());
    std::error_code error;
    fs::rename(from, to, error);
    if (error) return fail(ErrorCode::unavailable, "cannot move {}: {}", from.string(), error.message());
    return {};
  };
  co_return co_await blocking(loop_, pool_, rename);
}

Task<Examination> WorktreeArchive::examine(SessionWorktree record) {
  const fs::path files(record.directory);
  co_return co_await workspace::examine(loop_, pool_, processes_, std::move(record), files);
}

Task<Result<SessionWorktree>> WorktreeArchive::archive(SessionId session, std::string why) {
  CO_TRY(SessionWorktree record, co_await this->record(std::move(session)));
  if (record.state == WorktreeState::archived) co_return record;
  if (record.state != WorktreeState::ready)
    co_return fail(ErrorCode::conflict, "{} is being worked on", record.directory);
  const Examination before = co_await examine(record);
  if (!before.reasons.empty()) co_return refused(record, before.reasons);
  record.state = WorktreeState::archiving;
  record.why = std::move(why);
  record.archived = clock_.now_ms();
  record.head = before.head;
  record.attached = before.attached;
  record.branch_tip = before.branch_tip;
  record.kept_files = kept_files_of(record).string();
  record.bundle.reset();
  CO_TRY_VOID(co_await store(record));
  reached("recorded");
  // From here on a failure leaves the worktree as it is.
  if (const auto done = co_await pin(record, before.commits); !done) {
    [[maybe_unused]] const auto back = co_await take_back(record);
    co_return std::unexpected(done.error());
  }
  reached("pinned");
  if (const auto done = co_await bundle(record); !done) {
    [[maybe_unused]] const auto back = co_await take_back(record);
    co_return std::unexpected(done.error());
  }
  reached("bundled");
  if (const auto moved = co_await move(record.directory, *record.kept_files); !moved) {
    [[maybe_unused]] const auto back = co_await take_back(record);
    co_return std::unexpected(moved.error());
  }
  reached("moved");
  // Whoever was quick enough to write something meanwhile has not lost it: nobody finds the place any more now.
  const Examination after = co_await workspace::examine(loop_, pool_, processes_, record, *record.kept_files);
  if (!after.reasons.empty() || after.head != before.head || after.attached != before.attached ||
      after.branch_tip != before.branch_tip || after.commits != before.commits) {
    [[maybe_unused]] const auto back = co_await take_back(record);
    if (after.reasons.empty()) co_return fail(ErrorCode::conflict, "{} changed meanwhile", record.directory);
    co_return refused(record, after.reasons);
  }
  CO_TRY_VOID(co_await forget(record));
  co_return record;
}

// A ref for each commit that nothing else leads to at its end, so that no gc of git takes it.
Task<Result<void>> WorktreeArchive::pin(const SessionWorktree& record, std::vector<std::string> commits) {
  std::string updates = fmt::format("update {}head {}\n", pins_of(record), record.head);
  if (record.branch_tip) updates += fmt::format("update {}branch {}\n", pins_of(record), *record.branch_tip);
  for (const std::string& commit : commits)
    updates += fmt::format("update {}kept/{} {}\n", pins_of(record), commit, commit);
  GitRun run{.directory = record.main, .arguments = {"update-ref", "--stdin"}, .input = std::move(updates)};
  CO_TRY_VOID(co_await run_git(processes_, std::move(run)));
  co_return Result<void>();
}

Task<Result<void>> WorktreeArchive::bundle(SessionWorktree& record) {
  const std::string pins = "--glob=" + pins_of(record) + "*";
  GitRun count{.directory = record.main, .arguments = {"rev-list", "--count", pins, "--not", "--remotes"}};
  CO_TRY(const std::string only_here, co_await run_git(processes_, std::move(count)));
  if (lines_of(only_here) == std::vector<std::string>{"0"}) co_return Result<void>();
  const fs::path file = places_.data / "archive" / (record.session.value + ".bundle");
  const fs::path half = file.string() + ".new";
  auto prepare = [file, half]() -> Result<void> {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) return fail(ErrorCode::unavailable, "cannot make {}: {}", file.parent_path().string(), error.message());
    fs::remove(half, error);
    return {};
  };
  CO_TRY_VOID(co_await blocking(loop_, pool_, prepare));
  GitRun make{.directory = record.main,
              .arguments = {"bundle", "create", "--quiet", half.string(), pins, "--not", "--remotes"},
              .timeout_ms = kSlowMs};
  CO_TRY_VOID(co_await run_git(processes_, std::move(make)));
  auto finish = [file, half]() -> Result<void> {
    std::error_code error;
    fs::rename(half, file, error);
    if (error) return fail(ErrorCode::unavailable, "cannot keep {}: {}", file.string(), error.message());
    return {};
  };
  CO_TRY_VOID(co_await blocking(loop_, pool_, finish));
  record.bundle = file.string();
  co_return co_await store(record);
}

// The files are away. Doing it twice comes to the same.
Task<Result<void>> WorktreeArchive::forget(SessionWorktree& record) {
  auto drop = [record] {
    const fs::path admin = admin_directory(record.main, record.directory);
    std::error_code ignored;
    if (!admin.empty()) fs::remove_all(admin, ignored);
    // It would lead to whatever git calls by that name next.
    if (record.kept_files) fs::remove(fs::path(*record.kept_files) / ".git", ignored);
    return 0;
  };
  co_await blocking(loop_, pool_, drop);
  reached("forgotten");
  if (record.branch_tip) {
    // Only as it was found: a branch that somebody moved stays.
    GitRun run{.directory = record.main,
               .arguments = {"update-ref", "-d", "refs/heads/" + record.branch, *record.branch_tip}};
    const auto gone = co_await run_git(processes_, std::move(run));
    if (!gone) log::info("branch {} stays: {}", record.branch, gone.error().message);
  }
  reached("unbranched");
  record.state = WorktreeState::archived;
  CO_TRY_VOID(co_await store(record));
  reached("archived");
  co_return Result<void>();
}

// Before git forgot it: the files go where they were.
Task<Result<SessionWorktree>> WorktreeArchive::take_back(SessionWorktree record) {
  if (!is_there(record.directory) && record.kept_files)
    CO_TRY_VOID(co_await move(*record.kept_files, record.directory));
  record.state = WorktreeState::ready;
  record.kept_files.reset();
  CO_TRY_VOID(co_await store(record));
  co_return record;
}

Task<Result<SessionWorktree>> WorktreeArchive::undo(SessionId session) {
  CO_TRY(SessionWorktree record, co_await this->record(std::move(session)));
  if (record.state == WorktreeState::ready) co_return record;
  if (record.state != WorktreeState::archived)
    co_return fail(ErrorCode::conflict, "{} is being worked on", record.directory);
  if (is_there(record.directory)) co_return fail(ErrorCode::conflict, "{} is in the way", record.directory);
  record.state = WorktreeState::undoing;
  CO_TRY_VOID(co_await store(record));
  reached("undoing");
  auto done = co_await bring_back(record);
  if (!done) {
    // Nothing is gone: it is archived as before.
    record.state = WorktreeState::archived;
    [[maybe_unused]] const auto stored = co_await store(record);
  }
  co_return done;
}

// Also after a crash in the middle of it.
Task<Result<SessionWorktree>> WorktreeArchive::bring_back(SessionWorktree record) {
  const bool kept = record.kept_files && is_there(*record.kept_files);
  if (record.branch_tip) {
    // Refused when it exists; that is right when it is where it was.
    const std::string ref = "refs/heads/" + record.branch;
    GitRun make{.directory = record.main,
                .arguments = {"update-ref", ref, *record.branch_tip, std::string(record.branch_tip->size(), '0')}};
    if (!co_await run_git(processes_, std::move(make))) {
      GitRun look{.directory = record.main, .arguments = {"rev-parse", "--verify", "--quiet", ref}};
      CO_TRY(const std::string at, co_await run_git(processes_, std::move(look)));
      if (lines_of(at) != std::vector{*record.branch_tip}) {
        co_return fail(ErrorCode::conflict, "The branch {} was made anew meanwhile; rename it first", record.branch);
      }
    }
  }
  reached("branched");
  // How far an earlier attempt came. git locks a worktree until its checkout is whole.
  auto look = [record, kept] {
    const fs::path admin = admin_directory(record.main, record.directory);
    if (kept || !is_there(record.directory)) return false;
    return record.kept_files || (!admin.empty() && !is_there(admin / "locked"));
  };
  if (!co_await blocking(loop_, pool_, look)) {
    if (!kept) {
      GitRun clear{.directory = record.main,
                   .arguments = {"worktree", "remove", "--force", "--force", "--", record.directory}};
      [[maybe_unused]] const auto cleared = co_await run_git(processes_, std::move(clear));
    }
    auto clear = [main = record.main, directory = fs::path(record.directory)] {
      std::error_code ignored;
      const fs::path admin = admin_directory(main, directory);
      if (!admin.empty()) fs::remove_all(admin, ignored);
      fs::remove(directory / ".git", ignored);
      fs::remove(directory, ignored);
      return 0;
    };
    co_await blocking(loop_, pool_, clear);
    GitRun add{.directory = record.main, .arguments = {"worktree", "add", "--quiet"}, .timeout_ms = kSlowMs};
    if (kept) add.arguments.emplace_back("--no-checkout");
    if (!record.attached) add.arguments.emplace_back("--detach");
    add.arguments.insert(add.arguments.end(), {"--", record.directory, record.attached.value_or(record.head)});
    CO_TRY_VOID(co_await run_git(processes_, std::move(add)));
    reached("known");
    if (kept) {
      auto join = [directory = fs::path(record.directory), files = fs::path(*record.kept_files)]() -> Result<void> {
        std::error_code error;
        fs::rename(directory / ".git", files / ".git", error);
        if (!error) fs::remove(directory, error);
        if (!error) fs::rename(files, directory, error);
        if (error) return fail(ErrorCode::unavailable, "cannot move {} back: {}", files.string(), error.message());
        return {};
      };
      CO_TRY_VOID(co_await blocking(loop_, pool_, join));
    }
    reached("moved back");
  }
  // The index is made from the commit; the files are not touched.
  GitRun reset{.directory = record.directory, .arguments = {"reset", "--quiet"}, .timeout_ms = kSlowMs};
  CO_TRY_VOID(co_await run_git(processes_, std::move(reset)));
  record.state = WorktreeState::ready;
  record.kept_files.reset();
  record.archived = 0;
  record.why.clear();
  CO_TRY_VOID(co_await store(record));
  reached("ready");
  co_return record;
}

Task<Result<SessionWorktree>> WorktreeArchive::purge(SessionId session) {
  CO_TRY(SessionWorktree record, co_await this->record(std::move(session)));
  if (record.state != WorktreeState::archived || !record.kept_files) co_return record;
  auto remove = [files = fs::path(*record.kept_files)]() -> Result<void> {
    const auto live = processes_below(files);
    if (!live.empty()) return fail(ErrorCode::conflict, "process {} works in {}", live.front(), files.string());
    std::error_code error;
    fs::remove_all(files, error);
    if (error) return fail(ErrorCode::unavailable, "cannot delete {}: {}", files.string(), error.message());
    return {};
  };
  CO_TRY_VOID(co_await blocking(loop_, pool_, remove));
  record.kept_files.reset();
  CO_TRY_VOID(co_await store(record));
  co_return record;
}

Task<void> WorktreeArchive::recover() {
  auto read = [places = places_] { return all_records(places); };
  for (SessionWorktree& record : co_await blocking(loop_, pool_, read)) {
    Result<void> done;
    if (record.state == WorktreeState::archiving) {
      auto known = [main = record.main, directory = record.directory] {
        return !admin_directory(main, directory).empty();
      };
      if (co_await blocking(loop_, pool_, known)) {
        const auto back = co_await take_back(record);
        if (!back) done = std::unexpected(back.error());
      } else {
        done = co_await forget(record);
      }
    } else if (record.state == WorktreeState::undoing) {
      const auto back = co_await bring_back(record);
      if (!back) done = std::unexpected(back.error());
    }
    if (!done) log::error("worktree {}: {}", record.directory, done.error().message);
  }
}

}  // namespace quarterdeck::workspace
