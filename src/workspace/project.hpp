// Which project a directory belongs to: its git repository, or the global project.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "base/task.hpp"
#include "domain/project.hpp"
#include "process/process.hpp"

namespace quarterdeck::workspace {

struct Location {
  domain::Project project;          // times are zero: they belong to the store
  std::filesystem::path directory;  // absolute, without a trailing slash; need not exist
  std::filesystem::path worktree;   // root of the checkout that holds it; "/" outside a repository
  std::string path;                 // directory relative to worktree; "" at its root and outside a repository
};

// The project id is the hash of the repository's first root commit, kept in <git dir>/opencode, where OpenCode keeps
// it too. A directory outside a repository, or in one without a commit, belongs to project "global".
Task<Location> locate(process::Processes& processes, std::filesystem::path directory);

// The git directory of a checkout (a linked worktree's `.git` is a file that names it), and where the repository keeps
// what all its worktrees share. Empty when there is none.
std::filesystem::path git_dir_of(const std::filesystem::path& worktree);
std::filesystem::path common_git_dir(const std::filesystem::path& worktree);

// The current branch, or empty when detached or outside a repository.
std::string current_branch(const std::filesystem::path& worktree);

// Runs git with a scrubbed environment and no optional locks.
Task<Result<process::Collected>> git(process::Processes& processes, std::filesystem::path directory,
                                     std::vector<std::string> arguments, std::stop_token stop = {});

}  // namespace quarterdeck::workspace
