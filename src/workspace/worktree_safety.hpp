// Whether a session's worktree can go without a loss. Everything that speaks against it is named; what cannot be found
// out speaks against it too.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/result.hpp"
#include "process/process.hpp"
#include "workspace/worktree_record.hpp"

namespace quarterdeck::workspace {

// Code: dirty | hidden_changes | unpushed | stash | in_progress | locked | live_process | submodules |
//       nested_repository | worktree_refs | unknown
struct KeepReason {
  std::string code;
  std::string text;  // for people
  bool operator==(const KeepReason&) const = default;
};

struct Examination {
  std::vector<KeepReason> reasons;  // none: it can go
  std::string head;                 // the commit that is checked out
  std::optional<std::string> attached;    // the branch that is checked out; none: detached
  std::optional<std::string> branch_tip;  // of the session's own branch; none: it is gone
  // Every commit that only this worktree or its branch lead to, by their reflogs too: amended, reset, left behind.
  std::vector<std::string> commits;
};

// `files` is where the files are: the worktree's directory, or where it was moved to.
Task<Examination> examine(Loop& loop, BlockingPool& pool, process::Processes& processes, SessionWorktree record,
                          std::filesystem::path files);

// Processes of anybody whose directory, root, program or open files lie below, as far as we may see them.
std::vector<int> processes_below(const std::filesystem::path& directory);

std::string reasons_text(const std::vector<KeepReason>& reasons);

}  // namespace quarterdeck::workspace
