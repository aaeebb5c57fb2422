// What a worktree looked like before and after a step, kept in a git repository of our own beside the project's: one a
// worktree, in <data>/snapshot/<project>/<worktree>, borrowing the project's objects. Nothing of the project's own
// repository is written. What git ignores, nested repositories, and new files above `new_file_bytes_max` are left out.
//
// Laws
// - Never covers a home directory, what lies above one, "/", or our own data but for the worktrees that lie there.
// - Undoing keeps what others did since: a file is put back byte for byte when it is as the session left it; a text
//   that somebody changed since loses the session's lines only; where both changed the same lines the file stays as it
//   is. What is missing in the store makes the whole undo fail before anything is touched.
// - Above the quota what is oldest goes, in the end whole stores; an undo of what is gone is refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"
#include "process/process.hpp"
#include "workspace/changes.hpp"
#include "workspace/project.hpp"

namespace quarterdeck::workspace {

// The hash of a git tree.
using TreeId = std::string;

// One file of a tree, as git names it; an empty mode says that there is none.
struct TreeEntry {
  std::string mode;  // 100644 | 100755 | 120000 (a link) | 160000 (a nested repository)
  std::string id;
  bool operator==(const TreeEntry&) const = default;
};

// What one step made of the worktree.
struct StepTrees {
  TreeId before;
  TreeId after;
};

// What an undo does: every file as it was found and as it will be. Relative to the worktree.
struct UndoPlan {
  struct File {
    std::string file;
    TreeEntry from;
    TreeEntry to;
    bool operator==(const File&) const = default;
  };
  std::vector<File> files;
  std::vector<std::string> kept;  // changed by others in the same lines: these stay
};

struct SnapshotLimits {
  std::uintmax_t new_file_bytes_max = 2 * 1024 * 1024;
  std::uintmax_t quota_bytes = 2ull * 1024 * 1024 * 1024;  // of all stores together
  std::int64_t maintenance_ms = 60 * 60 * 1000;            // between two looks at the quota
};

class Snapshots {
 public:
  Snapshots(Loop& loop, BlockingPool& pool, process::Processes& processes, Places places, SnapshotLimits limits = {});
  ~Snapshots();
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  bool covers(const Location& location) const;

  // The worktree as it is now. Errors: `unavailable` (git fails, too much changed); a step goes on without it.
  Task<Result<TreeId>> take(Location location);
  // Relative to the worktree, in order of names.
  Task<Result<std::vector<std::string>>> changed_files(Location location, TreeId from, TreeId to);
  // With patches of the form that OpenCode's clients read ("Index: …", whole files as context); binary and very long
  // ones are empty.
  Task<Result<std::vector<FileChange>>> diff(Location location, TreeId from, TreeId to);
  // One patch as git prints it, without a newline at its end; cut off at the last whole file when very long.
  Task<Result<std::string>> patch(Location location, TreeId from, TreeId to);

  // How to take `steps` (newest first) out of `base`.
  Task<Result<UndoPlan>> plan_undo(Location location, std::vector<StepTrees> steps, TreeId base);
  // How to take a plan back that was carried out, from what is there now.
  Task<Result<UndoPlan>> plan_redo(Location location, UndoPlan done, TreeId base);
  // Carries it out. Doing it twice, or going on after a crash, comes to the same. Returns the files it left alone.
  Task<Result<std::vector<std::string>>> apply(Location location, UndoPlan plan);

  // Makes a commit of a tree and moves `ref` of the store to it, behind what the ref is at: so the quota's pruning leaves
  // it. Answers the commit.
  struct Keep {
    std::string ref;  // refs/quarterdeck/…
    TreeId tree;
    std::string message;
    std::int64_t at_ms = 0;
  };
  Task<Result<std::string>> keep(Location location, Keep keep);
  // The commit that a ref of the store is at; empty when there is none.
  Task<std::string> kept(Location location, std::string ref);
  // What git says in the store; it sees the project's commits too. Reading only.
  Task<Result<std::string>> ask(Location location, std::vector<std::string> arguments);

  // Makes the tree of a commit in one worktree's store known in another's. Answers the tree. A take() there keeps it.
  Task<Result<TreeId>> bring(Location from, std::string commit, Location to);

  // Packs the stores and holds the quota; also called by take() from time to time.
  Task<void> maintain();
  // Waits for what take() started.
  Task<void> shutdown();

 private:
  struct Store;
  struct Change {
    std::string file;
    TreeEntry before;
    TreeEntry after;
  };
  class Guard;

  Task<void> hold_quota();
  std::shared_ptr<Store> store_of(const Location& location);
  Task<Result<process::Collected>> git(Store& store, std::vector<std::string> arguments, std::string input = {},
                                       std::string index = {});
  Task<Result<std::string>> said(Store& store, std::vector<std::string> arguments, std::string input = {},
                                 std::string index = {});
  Task<Result<TreeId>> take_locked(std::shared_ptr<Store> store);
  Task<Result<TreeId>> write_tree(std::shared_ptr<Store> store);
  Task<Result<std::map<std::string, TreeEntry>>> entries(Store& store, TreeId tree);
  Task<Result<std::vector<std::vector<Change>>>> changes_of(Store& store, const std::vector<StepTrees>& steps);
  Task<Result<UndoPlan>> undo_changes(Store& store, std::vector<std::vector<Change>> steps, TreeId base);
  Task<std::optional<TreeEntry>> merge(Store& store, TreeEntry current, TreeEntry undone, TreeEntry wanted);

  Loop& loop_;
  BlockingPool& pool_;
  process::Processes& processes_;
  Places places_;
  SnapshotLimits limits_;
  std::map<std::filesystem::path, std::shared_ptr<Store>> stores_;
  std::int64_t maintained_ms_ = 0;  // monotonic
  bool maintaining_ = false;
  TaskGroup background_;
};

}  // namespace quarterdeck::workspace
