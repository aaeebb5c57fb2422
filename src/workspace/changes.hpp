// What differs between a checkout and a commit, as git sees it: changed, deleted and new (untracked, not ignored) files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/result.hpp"
#include "workspace/project.hpp"

namespace quarterdeck::workspace {

struct FileChange {
  std::string file;  // relative to the worktree
  std::string_view status;  // added | deleted | modified
  std::int64_t additions = 0;  // lines; 0 for binary files
  std::int64_t deletions = 0;
  std::string patch;  // unified diff; empty when not asked for, or when all of them are too long
};

struct ChangeQuery {
  std::string base = "HEAD";
  bool patches = false;
  int context_lines = 3;
};

// In order of names. Nothing outside a repository.
Task<Result<std::vector<FileChange>>> changes(Loop& loop, BlockingPool& pool, process::Processes& processes,
                                              Location location, ChangeQuery query);

// The branch that others start from: what origin/HEAD names, else main or master where they exist; or empty.
Task<std::string> default_branch(process::Processes& processes, std::filesystem::path worktree);
// Where the current branch left the default one; empty when there is no such commit.
Task<std::string> branch_point(process::Processes& processes, std::filesystem::path worktree);

}  // namespace quarterdeck::workspace
