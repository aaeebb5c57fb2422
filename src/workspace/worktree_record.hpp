// What is known of a session's own worktree: a file <data>/worktree/<project>/<name>.json beside the directory <name>,
// replaced whole at each step of its life, so that a start after any crash knows what was going on.
//
//   making ─► ready ─► archiving ─► archived        recover: making is undone, archiving and undoing are finished or
//               ▲                      │            taken back
//               └───── undoing ◄───────┘
//
// All functions read or write files: call them on the pool.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"

namespace quarterdeck::workspace {

enum class WorktreeState { making, ready, archiving, archived, undoing };

constexpr auto enum_names(WorktreeState) {
  return std::array{std::pair{WorktreeState::making, std::string_view("making")},
                    std::pair{WorktreeState::ready, std::string_view("ready")},
                    std::pair{WorktreeState::archiving, std::string_view("archiving")},
                    std::pair{WorktreeState::archived, std::string_view("archived")},
                    std::pair{WorktreeState::undoing, std::string_view("undoing")}};
}

struct SessionWorktree {
  SessionId session;
  WorktreeState state = WorktreeState::making;
  std::string project_id;
  std::string main;       // the project's checkout
  std::string directory;  // absolute
  std::string branch;     // made for it; empty in place
  std::string base;       // the commit that it began with
  int port_first = 0;     // its own ports: port_first, port_first + 1 …
  int port_count = 0;
  TimeMs created = 0;
  std::optional<std::string> setup_problem;  // the set-up command that failed, with the end of its output

  // Of an archived one.
  TimeMs archived = 0;
  std::string why;                           // the policy
  std::optional<std::string> attached;       // the branch that was checked out; none: detached
  std::string head;                          // the commit that was checked out
  std::optional<std::string> branch_tip;     // of `branch`, when it was still there
  std::optional<std::string> kept_files;     // the directory, moved away; none: purged
  std::optional<std::string> bundle;         // of the commits that no remote has
  bool operator==(const SessionWorktree&) const = default;
};

std::filesystem::path worktrees_root(const Places& places);  // <data>/worktree
// Of the worktree at `directory`.
std::filesystem::path record_file(const std::filesystem::path& directory);

Result<void> write_record(const SessionWorktree& record);
void remove_record(const SessionWorktree& record);
// Nothing where there is none, or where it cannot be understood.
std::optional<SessionWorktree> record_at(const std::filesystem::path& directory);
// In order of creation. Files that cannot be understood are logged and left alone.
std::vector<SessionWorktree> all_records(const Places& places);
std::optional<SessionWorktree> record_of(const Places& places, const SessionId& session);

// What the commands of a session that works there find in their environment: QUARTERDECK_SESSION, QUARTERDECK_WORKTREE,
// QUARTERDECK_BRANCH, PORT, QUARTERDECK_PORT_FIRST, QUARTERDECK_PORT_LAST. Empty when it is nobody's own.
std::map<std::string, std::string> worktree_environment(const SessionWorktree& record);
std::map<std::string, std::string> worktree_environment_at(const std::filesystem::path& directory);

}  // namespace quarterdeck::workspace
