// Named places where a test can stop the process dead, make a step fail, or hold it up. They exist in builds with the
// CMake option QD_FAILPOINTS (presets dev, asan, tsan, fault); elsewhere a point is nothing and the environment is not
// read.
//
//   QUARTERDECK_FAILPOINT=store.commit.before:3:kill            the third time it gets there: SIGKILL
//   QUARTERDECK_FAILPOINT=file.write:1:error,store.commit.after:*:delay=50
//
// The count is a number (that time only) or * (every time); actions are kill, error (points that can fail, below) and
// delay[=ms]. A wrong specification ends the process with a sentence. `quarterdeck failpoints` prints the list.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.hpp"

namespace quarterdeck::failpoint {

struct Point {
  std::string_view name;
  bool can_fail = false;
};

inline constexpr Point kPoints[] = {
    // The writer, in the order of one group commit.
    {"store.begin.before"},
    {"store.begin.after"},
    {"store.event.projected", true},
    {"store.batch.applied"},
    {"store.project.put"},
    {"store.commit.before", true},
    {"store.commit.after"},
    {"store.report.before"},
    {"store.report.after"},
    {"store.rollback"},
    {"store.checkpoint.before"},
    {"store.checkpoint.after"},
    // Taking a session's files back.
    {"session.revert.marked"},
    {"session.revert.recorded"},
    {"session.revert.restored"},
    {"workspace.restore.file"},
    // Opening.
    {"store.open.locked"},
    {"store.open.connected"},
    {"store.open.migrated"},
    {"store.reserve.made"},
    {"store.reserve.released"},
    {"store.quarantine.linked"},
    {"store.quarantine.marked"},
    // Migrations.
    {"store.migration.backup.begun"},
    {"store.migration.backup.copied"},
    {"store.migration.backup.done"},
    {"store.migration.begin"},
    {"store.migration.row"},
    {"store.migration.step"},
    {"store.migration.commit.before", true},
    {"store.migration.commit.after"},
    // Backup, restore, vacuum.
    {"store.backup.begun"},
    {"store.backup.pages"},
    {"store.backup.synced"},
    {"store.backup.renamed"},
    {"store.restore.copied"},
    {"store.restore.kept_old"},
    {"store.restore.decided"},
    {"store.restore.log_removed"},
    {"store.restore.renamed"},
    {"store.vacuum.before"},
    {"store.vacuum.after"},
    // Files that are written whole (tool outputs, edited files, configuration).
    {"file.write", true},
    {"file.write.written"},
    {"file.write.synced"},
    {"file.write.renamed"},
    {"output.keep", true},
    {"output.kept"},
    {"output.clean"},
    // A session's life.
    {"session.create.recorded"},
    {"session.create.committed"},
    {"session.prompt.recorded"},
    {"session.prompt.committed"},
    {"session.turn.started"},
    {"session.turn.prepared"},
    {"session.step.begun"},
    {"session.step.text"},
    {"session.step.text_stored"},
    {"session.step.model_finished"},
    {"session.step.finished"},
    {"session.turn.ended"},
    {"session.turn.end_committed"},
    {"session.tools.requested"},
    {"session.tools.committed"},
    {"session.tool.begin"},
    {"session.tool.process_started"},
    {"session.tool.progress"},
    {"session.tool.finished"},
    {"session.tool.recorded"},
    {"session.permission.asked"},
    {"session.permission.replied"},
    {"session.delete.recorded"},
    {"session.delete.committed"},
    {"session.recover.begin"},
    {"session.recover.taken_up"},
};

#ifdef QD_FAILPOINTS
inline constexpr bool kCompiled = true;
#else
inline constexpr bool kCompiled = false;
#endif

// A name of the list; any other does not compile.
struct Name {
  consteval Name(const char* text) {
    for (std::size_t i = 0; i < std::size(kPoints); ++i) {
      if (kPoints[i].name == text) {
        index = i;
        return;
      }
    }
    throw "this failpoint is not in kPoints";
  }
  std::size_t index = 0;
};

// Replaces what the environment said; empty = none. For tests in this process.
Result<> arm(std::string_view specification);
bool hit(std::size_t index);  // use reach() and fails()

inline void reach([[maybe_unused]] Name name) {
  if constexpr (kCompiled) hit(name.index);
}
// True when the step at this point is to fail.
inline bool fails([[maybe_unused]] Name name) {
  if constexpr (kCompiled) return hit(name.index);
  return false;
}

}  // namespace quarterdeck::failpoint
