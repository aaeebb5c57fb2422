// The files of a project as clients browse and search them: which paths may be looked at, which there are, and which of
// them a few typed letters mean. What git ignores is not searched.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/result.hpp"
#include "workspace/project.hpp"

namespace quarterdeck::workspace {

// `path` (relative to the instance's directory, or absolute) as an absolute path without links. Errors: `denied` when it
// leads out of the worktree (outside a repository: out of the directory), `invalid` when it holds a NUL byte.
// Reads the file system.
Result<std::filesystem::path> inside(const Location& location, std::string_view path);

// Files below `directory`, relative to it: tracked and untracked, not ignored ones; outside a repository by a bounded
// walk that leaves out hidden directories and node_modules. At most some ten thousand.
Task<std::vector<std::string>> list_files(Loop& loop, BlockingPool& pool, process::Processes& processes,
                                          std::filesystem::path directory);

// The directories that hold `files`, with a trailing "/".
std::vector<std::string> directories_of(const std::vector<std::string>& files);

// The best matches for `query`, best first: its letters occur in this order, whatever their case. Names count more than
// directories, one piece more than scattered letters, short paths more than long ones. Pure.
std::vector<std::string> best_matches(std::string_view query, const std::vector<std::string>& paths, std::size_t limit);

}  // namespace quarterdeck::workspace
