// The sessions' own worktrees: made for handoffs, archived when nobody needs them any more, brought back. Sweeps by
// itself, with jitter, while there is something to look after.
//
// Laws
// - A worktree goes only when nothing can be lost (workspace/worktree_archive.hpp); otherwise it stays, with the reasons.
// - A session that works, has prompts waiting, asks something or has an open pull request stays.
// - Nothing but the worktrees of sessions that have one of their own is ever looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/result.hpp"
#include "session/engine.hpp"
#include "session/host.hpp"
#include "workspace/session_worktrees.hpp"
#include "workspace/worktree_archive.hpp"

namespace quarterdeck::fleet {

// The configuration's "quarterdeck": {"cleanup": {…}}. Days may have fractions.
struct CleanupPolicy {
  bool enabled = false;  // "enabled": by itself; on request it works in any case
  double merged_days = 1;  // done (closed, or idle so long) and merged into the default branch
  double idle_days = 14;  // nothing was said for so long
  double failed_days = 30;  // likewise, and its last turn failed
  double undo_days = 7;  // the files of what was archived are kept for so long
  std::uintmax_t quota_bytes = 50'000'000'000;  // "quota_gb": of all worktrees and kept files
};
CleanupPolicy cleanup_policy(std::string_view ours);

struct CollectOptions {
  bool dry_run = false;
  std::optional<SessionId> session;  // this one, whatever the policies say
};

struct Collected {
  SessionId session;
  std::string title;
  std::string directory;
  std::string branch;
  std::string action;  // archive | purge | keep
  std::string policy;  // merged | closed | idle | failed | orphan | quota | request; empty: none applies yet
  std::vector<workspace::KeepReason> reasons;  // why it stays
  std::optional<TimeMs> undo_until;  // its files come back as they were until then
};

struct CollectReport {
  std::vector<Collected> entries;
  std::uintmax_t bytes = 0;  // after it
  std::uintmax_t quota_bytes = 0;
};

class Upkeep {
 public:
  // Both outlive it.
  Upkeep(session::Engine& engine, session::Host& host);
  ~Upkeep();

  // For a handoff: a worktree of its own for a session that is about to be made with this id. Again: the same one.
  Task<Result<workspace::SessionWorktree>> make_worktree(workspace::WorktreeWish wish);
  // The same, and the session in it; `session.directory` and `wish.session` are filled in. Again with the same session id:
  // the same session. A worktree whose session was never made goes by itself.
  struct Opened {
    domain::Session session;
    workspace::SessionWorktree worktree;
  };
  Task<Result<Opened>> open_session(workspace::WorktreeWish wish, domain::CreateSession session);
  workspace::SessionWorktrees& worktrees() { return worktrees_; }

  Task<Result<CollectReport>> collect(CollectOptions options);
  // Brings an archived session and its worktree back.
  Task<Result<workspace::SessionWorktree>> undo(SessionId session);

  // Start-up, after the sessions' recovery; then it sweeps until shutdown().
  Task<void> recover();
  Task<void> shutdown();

 private:
  struct Standing;
  Task<void> sweep();
  Task<CleanupPolicy> policy_of(std::string main);
  Task<Standing> look_at(const workspace::SessionWorktree& record);
  Task<Collected> consider(workspace::SessionWorktree record, const CleanupPolicy& policy,
                           const CollectOptions& options);
  Task<void> archive(Collected& entry, const workspace::SessionWorktree& record);
  Task<bool> merged(workspace::SessionWorktree record);
  Task<std::uintmax_t> hold_quota(std::uintmax_t quota, bool dry_run, std::vector<Collected>& entries);

  session::Engine& engine_;
  session::Host& host_;
  workspace::SessionWorktrees worktrees_;
  workspace::WorktreeArchive archive_;
  bool collecting_ = false;
  std::vector<OneShot<Unit>::Setter> waiting_;
  std::optional<OneShot<Unit>::Setter> asleep_;  // nothing to look after: somebody will wake it
  TaskGroup background_;
};

}  // namespace quarterdeck::fleet
