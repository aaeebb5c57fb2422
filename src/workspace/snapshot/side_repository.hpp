// The files of a snapshot store: a git directory that knows the worktree, written without git. Everything here blocks.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/paths.hpp"
#include "base/result.hpp"

namespace quarterdeck::workspace::snapshot {

struct SidePlaces {
  std::filesystem::path git_dir;          // ours
  std::filesystem::path worktree;
  std::filesystem::path project_git_dir;  // of the worktree
  std::filesystem::path project_common;   // what all worktrees of the project share
  std::filesystem::path data;             // our state: never in a snapshot
  std::filesystem::path home;
};

// Makes the directory when it is missing; begins with a copy of the project's index where that is safe, so that the
// first snapshot need not read every file.
Result<void> prepare(const SidePlaces& places);
// What a git that was killed left behind. Only while nobody works with the store.
void remove_stale_locks(const std::filesystem::path& git_dir);
// Packs that were never finished.
void remove_stale_packs(const std::filesystem::path& git_dir);
// Forgets what is known of the worktree: the next snapshot reads all of it.
void remove_index(const std::filesystem::path& git_dir);

struct StoreSize {
  std::filesystem::path git_dir;
  std::uintmax_t bytes = 0;
};
// All stores below <data>/snapshot, the longest unused first.
std::vector<StoreSize> stores_below(const std::filesystem::path& root);

}  // namespace quarterdeck::workspace::snapshot
