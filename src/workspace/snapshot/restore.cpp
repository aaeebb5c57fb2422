#include "workspace/snapshot/restore.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/paths.hpp"

namespace quarterdeck::workspace::snapshot {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLink = "120000";
constexpr std::string_view kRepository = "160000";
constexpr std::string_view kExecutable = "100755";
constexpr auto kAnyExecute = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;

// Every directory above the file is a real one, or missing, or a file that is about to go.
bool reachable(const fs::path& worktree, const fs::path& relative) {
  fs::path at = worktree;
  for (const fs::path& part : relative.parent_path()) {
    at /= part;
    std::error_code ignored;
    if (fs::is_symlink(fs::symlink_status(at, ignored))) return false;
  }
  return true;
}

// Directories that a file of the same name must replace.
void remove_empty_directories(const fs::path& at) {
  std::error_code ignored;
  if (!fs::is_directory(fs::symlink_status(at, ignored))) return;
  for (const auto& entry : fs::directory_iterator(at, ignored)) remove_empty_directories(entry.path());
  fs::remove(at, ignored);  // only when nothing is in it
}

Result<void> write_regular(const fs::path& from, const fs::path& to, bool executable) {
  std::error_code error;
  const auto was = fs::symlink_status(to, error);
  if (fs::exists(was) && !fs::is_regular_file(was)) {
    fs::remove(to, error);
    if (error) return fail(ErrorCode::unavailable, "cannot replace {}: {}", to.string(), error.message());
  }
  TRY(const std::string bytes, read_file(from));
  TRY_VOID(write_file_atomically(to, bytes, executable ? 0755 : 0644));
  fs::perms mode = fs::status(to, error).permissions();
  const bool is_executable = (mode & fs::perms::owner_exec) != fs::perms::none;
  if (executable == is_executable) return {};
  // Whoever may read it may run it, as git has it.
  const auto readers = mode & (fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  mode = executable ? mode | static_cast<fs::perms>(static_cast<unsigned>(readers) >> 2) : mode & ~kAnyExecute;
  fs::permissions(to, mode, error);
  if (error) return fail(ErrorCode::unavailable, "cannot change the mode of {}: {}", to.string(), error.message());
  return {};
}

Result<void> write_link(const fs::path& from, const fs::path& to) {
  std::error_code error;
  const fs::path target = fs::read_symlink(from, error);
  if (error) return fail(ErrorCode::unavailable, "cannot read the link {}: {}", from.string(), error.message());
  fs::remove(to, error);
  fs::create_symlink(target, to, error);
  if (error) return fail(ErrorCode::unavailable, "cannot make the link {}: {}", to.string(), error.message());
  return {};
}

}  // namespace

Result<std::vector<std::string>> restore(const Restore& restore) {
  std::vector<std::string> left;
  std::vector<const UndoPlan::File*> wanted;
  std::error_code error;
  for (const UndoPlan::File& file : restore.files) {
    const auto known = restore.current.find(file.file);
    const TreeEntry current = known == restore.current.end() ? TreeEntry{} : known->second;
    if (current == file.to) continue;
    const fs::path path = restore.worktree / file.file;
    // Something that snapshots do not see (ignored, too large) may have taken the place of what is missing.
    const bool hidden = current.mode.empty() && fs::exists(fs::symlink_status(path, error)) &&
                        !fs::is_directory(fs::symlink_status(path, error));
    const bool repository = file.from.mode == kRepository || file.to.mode == kRepository;
    if (current != file.from || hidden || repository || !reachable(restore.worktree, file.file)) {
      left.push_back(file.file);
      continue;
    }
    wanted.push_back(&file);
  }
  // What goes makes place for what comes: a file for a directory, a directory for a file.
  for (const UndoPlan::File* file : wanted) {
    failpoint::reach("workspace.restore.file");
    if (file->to.mode.empty()) fs::remove(restore.worktree / file->file, error);
  }
  for (const UndoPlan::File* file : wanted) {
    failpoint::reach("workspace.restore.file");
    if (file->to.mode.empty()) continue;
    const fs::path path = restore.worktree / file->file;
    remove_empty_directories(path);
    fs::create_directories(path.parent_path(), error);
    if (error) {
      left.push_back(file->file);
      continue;
    }
    const fs::path staged = restore.staged / file->file;
    const auto written =
        file->to.mode == kLink ? write_link(staged, path) : write_regular(staged, path, file->to.mode == kExecutable);
    if (!written && (written.error().code == ErrorCode::unavailable || written.error().code == ErrorCode::internal))
      return std::unexpected(written.error());
    if (!written) left.push_back(file->file);
  }
  std::ranges::sort(left);
  return left;
}

}  // namespace quarterdeck::workspace::snapshot
