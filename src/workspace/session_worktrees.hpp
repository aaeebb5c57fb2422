// Worktrees that belong to one session each: made with a branch of their own, set up, found again.
//
// Laws
// - make() is idempotent: one session, one worktree. A crash at any moment leaves a usable one or nothing after recover().
// - A branch that was there before is never moved or deleted; a name that is taken gets a number behind it.
// - No hook of the repository runs; set-up commands run where the caller says that the project is trusted.
// Errors: `invalid` (not a repository with a commit, a bad name or base; `path` says where), `conflict` (archived).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"
#include "process/process.hpp"
#include "workspace/worktree_record.hpp"

namespace quarterdeck::workspace {

struct WorktreeWish {
  SessionId session;
  std::filesystem::path project;  // any directory of the project
  std::string title;  // of the work: names the branch when `branch` is empty
  std::string branch;  // as wanted ("feature/eng-12-login")
  std::string base;  // a commit, branch or tag; empty: what the project's checkout is at
};

// The configuration's "quarterdeck": {"worktree": {…}}.
struct WorktreeSettings {
  std::vector<std::string> setup;  // "setup": commands for /bin/sh, in order
  std::string branch_prefix = "quarterdeck/";  // "branch_prefix": of branches that are named after a title
  std::string base;  // "base", when the wish has none
  int port_first = 20'000;  // "ports": {"first", "count"}
  int port_count = 10;
  bool operator==(const WorktreeSettings&) const = default;
};
// `ours` is the text of that member of the configuration. Wrong values are logged and do not count. Commands are taken
// only from a trusted project.
WorktreeSettings worktree_settings(std::string_view ours, bool trusted);

class SessionWorktrees {
 public:
  // `reached`: told of each step, for tests that stop in the middle.
  using Reached = std::function<void(std::string_view step)>;
  SessionWorktrees(Loop& loop, BlockingPool& pool, process::Processes& processes, Places places, Clock& clock,
                   Reached reached = {});

  Task<Result<SessionWorktree>> make(WorktreeWish wish, WorktreeSettings settings, std::stop_token stop = {});
  Task<std::optional<SessionWorktree>> of(SessionId session);
  Task<std::vector<SessionWorktree>> all();
  // At start-up: takes back what was being made. Says how many.
  Task<int> recover();

 private:
  Task<Result<SessionWorktree>> plan(WorktreeWish wish, const WorktreeSettings& settings);
  Task<Result<void>> check_out(SessionWorktree& record);
  Task<void> set_up(SessionWorktree& record, const WorktreeSettings& settings, std::stop_token stop);
  Task<void> take_back(SessionWorktree record);
  Task<Result<void>> store(SessionWorktree record);
  void reached(std::string_view step) const {
    if (reached_) reached_(step);
  }

  Loop& loop_;
  BlockingPool& pool_;
  process::Processes& processes_;
  Places places_;
  Clock& clock_;
  Reached reached_;
  // Names and ports are chosen by one at a time.
  bool choosing_ = false;
  std::set<SessionId> setting_up_;
  std::vector<OneShot<Unit>::Setter> waiting_;
};

// "Fix the login!" -> "fix-the-login"; a branch that was asked for keeps its slashes, case and dots, without what git
// forbids. Empty when nothing is left.
std::string branch_slug(std::string_view wanted);

// The directory in which git keeps what it knows of a linked worktree; empty when it knows none there. Reads files.
std::filesystem::path admin_directory(const std::filesystem::path& main, const std::filesystem::path& directory);

}  // namespace quarterdeck::workspace
