// What write, edit and apply_patch share: the picture of a change, the question whether it may happen.
#pragma once

#include <memory>
#include <string>

#include "tools/diff/line_diff.hpp"
#include "tools/file_locks.hpp"
#include "tools/path_guard.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

// As clients render it.
struct FileDiff {
  std::string file;
  std::string patch;
  int additions = 0;
  int deletions = 0;
};
template <class Io>
void describe(Io& io, FileDiff& diff) {
  io.field("file", diff.file);
  io.field("patch", diff.patch);
  io.field("additions", diff.additions);
  io.field("deletions", diff.deletions);
}

// Indentation that all shown lines share is cut off.
FileDiff describe_change(const std::filesystem::path& file, std::string_view before, std::string_view after);

// Asks for `edit`, showing the diff.
Task<std::expected<void, ToolFailure>> ask_to_edit(Target target, std::string diff, ToolContext& context);

// Checks the place of the file (external_directory) and takes its lock; a failure is `cancelled` when stopped.
Task<std::expected<FileLocks::Guard, ToolFailure>> guard_and_lock(Target target, std::shared_ptr<FileLocks> locks,
                                                                  ToolContext& context);

}  // namespace quarterdeck::tools
