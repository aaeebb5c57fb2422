// AGENTS.md and its relatives: what a project, and the user, tell every agent.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/paths.hpp"

namespace quarterdeck::workspace {

struct Instruction {
  std::filesystem::path file;
  std::string text;
};

// In order: the user's own (<config>/AGENTS.md of Quarterdeck, else of OpenCode), then the project's: AGENTS.md, else
// CLAUDE.md, in every directory from the worktree's root down to `directory`, then the files named by `extra` (paths
// relative to the worktree; `*` in the last component). Each is cut at 64 KB. Reads files: call it on the pool.
std::vector<Instruction> read_instructions(const Places& places, const std::filesystem::path& directory,
                                           const std::filesystem::path& worktree,
                                           const std::vector<std::string>& extra);

}  // namespace quarterdeck::workspace
