// Puts files of a worktree back. Blocks.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "workspace/snapshot.hpp"

namespace quarterdeck::workspace::snapshot {

struct Restore {
  std::filesystem::path worktree;
  std::filesystem::path staged;  // holds every file that is wanted, under its name
  std::vector<UndoPlan::File> files;
  std::map<std::string, TreeEntry> current;  // what the worktree holds now
};

// Files that are neither as the plan found them nor as it wants them, or that cannot be reached without following a
// link, are left alone and returned. Each file is replaced at once, never half; permission bits beyond "executable"
// stay as they are.
Result<std::vector<std::string>> restore(const Restore& restore);

}  // namespace quarterdeck::workspace::snapshot
