// The states of a worktree after each step of a session that changed files: commits on the hidden ref
// refs/quarterdeck/<session> of the side repository (snapshot.hpp). The user's HEAD, index and refs are not touched. Beside
// them the real commits of the agent's branch; any two of either kind can be compared.
//
// Law: no git process for a step that changed nothing. Errors: not_found (no such checkpoint), `unavailable` (git).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "process/process.hpp"
#include "workspace/snapshot.hpp"

namespace quarterdeck::workspace {

struct Checkpoint {
  std::string id;  // of the commit
  std::string parent;  // empty: the first
  std::string kind;  // start | step | before_rollback | rollback; of a real one: commit
  TimeMs at = 0;  // whole seconds
  std::string title;
  std::string author;  // of a real one
  std::string message;  // the assistant's message that the step is in
  std::string head;  // the project's commit that was checked out then
  std::int64_t files = 0, additions = 0, deletions = 0;  // against the parent
  bool operator==(const Checkpoint&) const = default;
};

struct CheckpointNote {
  SessionId session;
  std::string kind;
  std::string message = {};
  std::string title = {};  // one line
  TimeMs at = 0;
};

Task<Result<std::string>> keep_checkpoint(Snapshots& snapshots, Location location, TreeId tree, CheckpointNote note);
// True before its first checkpoint.
Task<bool> has_no_checkpoint(Snapshots& snapshots, Location location, SessionId session);
// The newest first.
Task<Result<std::vector<Checkpoint>>> checkpoints(Snapshots& snapshots, Location location, SessionId session,
                                                  int limit);
// The branch's own, the newest first: what `head` ("HEAD" or a commit) has that `base` has not.
Task<Result<std::vector<Checkpoint>>> real_commits(process::Processes& processes, std::filesystem::path checkout,
                                                   std::string base, std::string head, int limit);

// The commit that is checked out, read from git's files; empty when it cannot be told.
std::string head_commit(const std::filesystem::path& worktree);

}  // namespace quarterdeck::workspace
