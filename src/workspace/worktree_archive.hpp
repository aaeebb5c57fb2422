// Removes a session's worktree so that it can come back, and brings it back.
//
//   archive:  examine ─► record ─► pin commits ─► bundle ─► move the directory away ─► examine again ─► git forgets it
//             ─► its branch goes (only where nobody moved it) ─► record
//   undo:     the branch comes back ─► git knows it again ─► the directory is moved back (or checked out anew)
//   purge:    what was moved away is deleted; from then on undo() checks out anew
//
// Laws
// - Nothing is lost: refused with every reason while something could be (worktree_safety.hpp), also when it comes up in
//   between. Commits that only the worktree leads to are pinned under refs/quarterdeck/archive/<session>/ for good, and
//   those that no remote has lie in a bundle as well.
// - A crash at any moment: recover() finishes it or takes it back.
// Errors: `conflict` with the reasons; not_found.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"
#include "process/process.hpp"
#include "workspace/worktree_record.hpp"
#include "workspace/worktree_safety.hpp"

namespace quarterdeck::workspace {

class WorktreeArchive {
 public:
  using Reached = std::function<void(std::string_view step)>;
  WorktreeArchive(Loop& loop, BlockingPool& pool, process::Processes& processes, Places places, Clock& clock,
                  Reached reached = {});

  Task<Examination> examine(SessionWorktree record);
  Task<Result<SessionWorktree>> archive(SessionId session, std::string why);
  Task<Result<SessionWorktree>> undo(SessionId session);
  // Of an archived one. Refused while a process works in what is to be deleted.
  Task<Result<SessionWorktree>> purge(SessionId session);
  // At start-up.
  Task<void> recover();

 private:
  Task<Result<SessionWorktree>> record(SessionId session);
  Task<Result<void>> store(SessionWorktree record);
  Task<Result<void>> pin(const SessionWorktree& record, std::vector<std::string> commits);
  Task<Result<void>> bundle(SessionWorktree& record);
  Task<Result<void>> forget(SessionWorktree& record);
  Task<Result<SessionWorktree>> take_back(SessionWorktree record);
  Task<Result<SessionWorktree>> bring_back(SessionWorktree record);
  Task<Result<void>> move(std::filesystem::path from, std::filesystem::path to);
  void reached(std::string_view step) const {
    if (reached_) reached_(step);
  }

  Loop& loop_;
  BlockingPool& pool_;
  process::Processes& processes_;
  Places places_;
  Clock& clock_;
  Reached reached_;
};

// Where what was moved away lies: beside the worktree, so that moving is one step.
std::filesystem::path kept_files_of(const SessionWorktree& record);

}  // namespace quarterdeck::workspace
