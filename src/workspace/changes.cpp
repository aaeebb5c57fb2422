#include "workspace/changes.hpp"

#include <algorithm>

#include "base/paths.hpp"
#include "workspace/diff_output.hpp"

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNewFilesMax = 500;
constexpr std::uintmax_t kNewFileBytesMax = 256 * 1024;

FileChange new_file(const fs::path& worktree, std::string_view name, bool with_patch) {
  FileChange change{.file = std::string(name), .status = "added"};
  std::error_code error;
  const fs::path file = worktree / name;
  if (!fs::is_regular_file(fs::symlink_status(file, error)) || fs::file_size(file, error) > kNewFileBytesMax)
    return change;
  const auto text = read_file(file);
  if (!text) return change;
  if (with_patch) change.patch = fmt::format("diff --git a/{0} b/{0}\nnew file mode 100644\n", name);
  if (text->contains('\0')) {
    if (with_patch) change.patch += fmt::format("Binary files /dev/null and b/{} differ\n", name);
    return change;
  }
  const bool ended = text->ends_with('\n');
  change.additions = std::ranges::count(*text, '\n') + (ended || text->empty() ? 0 : 1);
  if (!with_patch || text->empty()) return change;
  change.patch += fmt::format("--- /dev/null\n+++ b/{}\n@@ -0,0 +1,{} @@\n", name, change.additions);
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    change.patch += fmt::format("+{}\n", std::string_view(*text).substr(at, end - at));
    at = end + 1;
  }
  if (!ended) change.patch += "\\ No newline at end of file\n";
  return change;
}

// Nothing that the repository configures is run for it.
std::vector<std::string> diff_arguments(const std::string& base, std::vector<std::string> form) {
  std::vector<std::string> arguments{"-c", "core.fsmonitor=false", "-c", "core.quotepath=off", "diff"};
  arguments.insert(arguments.end(), {"--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"});
  arguments.insert(arguments.end(), form.begin(), form.end());
  arguments.insert(arguments.end(), {base, "--"});
  return arguments;
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

// The first line of what git says, or empty when it fails.
Task<std::string> line_of_git(process::Processes& processes, fs::path worktree, std::vector<std::string> arguments) {
  const auto said = co_await git(processes, std::move(worktree), std::move(arguments));
  if (!said || said->exit.code != 0) co_return std::string();
  co_return first_line(said->output);
}

}  // namespace

Task<Result<std::vector<FileChange>>> changes(Loop& loop, BlockingPool& pool, process::Processes& processes,
                                              Location location, ChangeQuery query) {
  if (!location.project.vcs) co_return std::vector<FileChange>();
  auto summary = diff_arguments(query.base, {"--raw", "--numstat", "-z"});
  CO_TRY(const auto summarized, co_await git(processes, location.worktree, std::move(summary)));
  if (summarized.exit.code != 0)
    co_return fail(ErrorCode::unavailable, "git diff: {}", first_line(summarized.error_output));
  std::vector<FileChange> found = parse_summary(summarized.output);

  if (query.patches && !found.empty()) {
    auto full = diff_arguments(query.base, {fmt::format("--unified={}", query.context_lines)});
    CO_TRY(const auto diff, co_await git(processes, location.worktree, std::move(full)));
    auto patches = split_patch(diff.output);
    if (diff.truncated && !patches.empty()) patches.pop_back();
    // Both list the same files in the same order, unless one changed in between.
    for (std::size_t i = 0; i < std::min(patches.size(), found.size()); ++i) found[i].patch = patches[i];
  }

  std::vector<std::string> list{"ls-files", "--others", "--exclude-standard", "-z"};
  CO_TRY(const auto untracked, co_await git(processes, location.worktree, std::move(list)));
  auto read = [worktree = location.worktree, names = untracked.output, with_patch = query.patches] {
    std::vector<FileChange> added;
    for (const std::string_view name : split(names, '\0')) {
      if (added.size() >= kNewFilesMax) break;
      added.push_back(new_file(worktree, name, with_patch));
    }
    return added;
  };
  std::vector<FileChange> added = co_await blocking(loop, pool, read);
  found.insert(found.end(), std::make_move_iterator(added.begin()), std::make_move_iterator(added.end()));
  std::ranges::sort(found, {}, &FileChange::file);
  co_return found;
}

Task<std::string> default_branch(process::Processes& processes, fs::path worktree) {
  std::vector<std::string> remote{"symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"};
  std::string branch = co_await line_of_git(processes, worktree, std::move(remote));
  if (const auto slash = branch.find('/'); slash != branch.npos) co_return branch.substr(slash + 1);
  std::vector<std::string> local{"for-each-ref", "--count=1", "--format=%(refname:short)", "refs/heads/main",
                                 "refs/heads/master"};
  co_return co_await line_of_git(processes, worktree, std::move(local));
}

Task<std::string> branch_point(process::Processes& processes, fs::path worktree) {
  const std::string branch = co_await default_branch(processes, worktree);
  if (branch.empty()) co_return branch;
  std::vector<std::string> from_remote{"merge-base", fmt::format("refs/remotes/origin/{}", branch), "HEAD"};
  std::string commit = co_await line_of_git(processes, worktree, std::move(from_remote));
  if (!commit.empty()) co_return commit;
  std::vector<std::string> from_local{"merge-base", fmt::format("refs/heads/{}", branch), "HEAD"};
  co_return co_await line_of_git(processes, worktree, std::move(from_local));
}

}  // namespace quarterdeck::workspace
