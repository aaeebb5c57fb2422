// One git command that must succeed, in a repository that may be hostile: no hooks, no file system monitor, no optional
// locks, no gc behind our back, a scrubbed environment. Errors: `invalid` with git's words, `unavailable` (too slow, said
// too much).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/task.hpp"
#include "process/process.hpp"

namespace quarterdeck::workspace {

struct GitRun {
  std::filesystem::path directory;
  std::vector<std::string> arguments;
  std::string input = {};
  std::map<std::string, std::string> environment = {};  // more of it: GIT_DIR, GIT_WORK_TREE…
  std::int64_t timeout_ms = 120'000;
  std::size_t output_bytes_max = 16 * 1024 * 1024;
};

// Standard output, whole.
Task<Result<std::string>> run_git(process::Processes& processes, GitRun run);

// Lines without their ends; empty ones are left out.
std::vector<std::string> lines_of(std::string_view output);

}  // namespace quarterdeck::workspace
