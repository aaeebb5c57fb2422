#include "workspace/project.hpp"

#include <algorithm>

#include "base/paths.hpp"

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kGitOutputBytesMax = 4 * 1024 * 1024;
constexpr std::int64_t kGitTimeoutMs = 30'000;
constexpr std::string_view kGlobal = "global";

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r')) text.pop_back();
  return text;
}

bool is_commit_hash(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The nearest directory upwards that holds `.git`, or empty.
fs::path find_worktree(const fs::path& directory) {
  std::error_code ignored;
  for (fs::path at = directory;; at = at.parent_path()) {
    if (fs::exists(at / ".git", ignored)) return at;
    if (at == at.parent_path()) return {};
  }
}

Task<std::string> root_commit(process::Processes& processes, fs::path worktree) {
  std::vector<std::string> arguments{"rev-list", "--max-parents=0", "HEAD"};
  auto roots = co_await git(processes, worktree, std::move(arguments));
  if (!roots || roots->exit.code != 0) co_return std::string();
  // A repository may have several roots; the smallest hash is the same in every clone.
  std::vector<std::string> hashes;
  for (std::size_t at = 0; at < roots->output.size();) {
    const std::size_t end = std::min(roots->output.find('\n', at), roots->output.size());
    std::string line = roots->output.substr(at, end - at);
    if (is_commit_hash(line)) hashes.push_back(std::move(line));
    at = end + 1;
  }
  if (hashes.empty()) co_return std::string();
  co_return *std::ranges::min_element(hashes);
}

}  // namespace

fs::path git_dir_of(const fs::path& worktree) {
  const fs::path dot_git = worktree / ".git";
  std::error_code ignored;
  if (fs::is_directory(dot_git, ignored)) return dot_git;
  const auto text = read_file(dot_git);
  constexpr std::string_view prefix = "gitdir: ";
  if (!text || !text->starts_with(prefix)) return {};
  return (worktree / trimmed(text->substr(prefix.size()))).lexically_normal();
}

fs::path common_git_dir(const fs::path& worktree) {
  const fs::path git_dir = git_dir_of(worktree);
  if (git_dir.empty()) return git_dir;
  const auto common = read_file(git_dir / "commondir");
  return common ? (git_dir / trimmed(*common)).lexically_normal() : git_dir;
}

Task<Result<process::Collected>> git(process::Processes& processes, fs::path directory,
                                     std::vector<std::string> arguments, std::stop_token stop) {
  process::Spawn spawn;
  spawn.argv = {"git", "--no-optional-locks"};
  spawn.argv.insert(spawn.argv.end(), std::make_move_iterator(arguments.begin()),
                    std::make_move_iterator(arguments.end()));
  spawn.directory = std::move(directory);
  spawn.environment = process::tool_environment();
  std::erase_if(spawn.environment, [](const auto& entry) { return entry.first.starts_with("GIT_"); });
  spawn.environment["GIT_TERMINAL_PROMPT"] = "0";
  spawn.merge_stderr = false;
  spawn.timeout_ms = kGitTimeoutMs;
  co_return co_await process::collect(processes, std::move(spawn), kGitOutputBytesMax, stop);
}

Task<Location> locate(process::Processes& processes, fs::path directory) {
  directory = directory.lexically_normal();
  if (directory.has_relative_path() && !directory.has_filename()) directory = directory.parent_path();
  Location location;
  location.directory = directory;
  location.project.id = kGlobal;
  location.project.worktree = "/";
  location.worktree = "/";

  const fs::path worktree = find_worktree(directory);
  if (worktree.empty()) co_return location;
  const fs::path shared = common_git_dir(worktree);
  std::string id;
  if (!shared.empty()) {
    if (auto cached = read_file(shared / "opencode")) id = trimmed(*cached);
  }
  if (!is_commit_hash(id)) {
    id = co_await root_commit(processes, worktree);
    if (!id.empty() && !shared.empty()) {
      // Only a cache: a read-only repository works without it.
      [[maybe_unused]] const auto written = write_file_atomically(shared / "opencode", id);
    }
  }
  if (id.empty()) co_return location;

  location.worktree = worktree;
  location.path = directory == worktree ? "" : directory.lexically_relative(worktree).string();
  location.project.id = id;
  location.project.vcs = "git";
  // Sessions of a linked worktree belong to the main checkout's project.
  location.project.worktree = shared.filename() == ".git" ? shared.parent_path().string() : worktree.string();
  co_return location;
}

std::string current_branch(const fs::path& worktree) {
  const auto head = read_file(git_dir_of(worktree) / "HEAD");
  constexpr std::string_view prefix = "ref: refs/heads/";
  if (!head || !head->starts_with(prefix)) return {};
  return trimmed(head->substr(prefix.size()));
}

}  // namespace quarterdeck::workspace
