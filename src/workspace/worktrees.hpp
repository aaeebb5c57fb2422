// Extra checkouts of a repository (git worktrees), each with a branch of its own: make, list, reset, remove; and patches.
// Laws: only what git lists as a linked worktree is reset or removed, never the main one; a branch is deleted only when
//       we made it. Errors: `invalid` with git's words.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/task.hpp"
#include "process/process.hpp"
#include "workspace/project.hpp"

namespace quarterdeck::workspace {

// Of the branches that we make: OpenCode's.
inline constexpr std::string_view kBranchPrefix = "opencode/";

struct Worktree {
  std::filesystem::path directory;
  std::string branch;  // empty when detached
  bool operator==(const Worktree&) const = default;
};

// "My Feature!" -> "my-feature". Empty when nothing is left.
std::string worktree_name(std::string_view text);

// The linked ones of the repository that `directory` is in, in git's order.
Task<Result<std::vector<Worktree>>> list_worktrees(process::Processes& processes, std::filesystem::path directory);
// At `directory`, on the new branch kBranchPrefix + `name`, from what the main checkout has.
Task<Result<Worktree>> add_worktree(process::Processes& processes, std::filesystem::path main,
                                    std::filesystem::path directory, std::string name);
// Its branch and files become those of the default branch; what git ignores stays.
Task<Result<void>> reset_worktree(process::Processes& processes, Worktree worktree);
Task<Result<void>> remove_worktree(process::Processes& processes, std::filesystem::path main, Worktree worktree);

// All of the patch or nothing. Paths outside of the worktree are refused.
Task<Result<void>> apply_patch_text(process::Processes& processes, std::filesystem::path worktree, std::string patch);

}  // namespace quarterdeck::workspace
