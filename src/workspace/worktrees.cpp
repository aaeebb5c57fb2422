#include "workspace/worktrees.hpp"

#include <algorithm>

#include "workspace/changes.hpp"

namespace quarterdeck::workspace {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kOutputBytesMax = 1024 * 1024;
constexpr std::int64_t kApplyTimeoutMs = 60'000;

std::string first_line(std::string_view text) {
  while (text.starts_with('\n')) text.remove_prefix(1);
  return std::string(text.substr(0, text.find('\n')));
}

Task<Result<std::string>> run(process::Processes& processes, std::filesystem::path directory,
                              std::vector<std::string> arguments) {
  const auto said = co_await git(processes, std::move(directory), std::move(arguments));
  if (!said) co_return std::unexpected(said.error());
  if (said->exit.code != 0) co_return fail(ErrorCode::invalid, "{}", first_line(said->error_output));
  co_return said->output;
}

}  // namespace

std::string worktree_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (plain) {
      name += lower;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
    if (name.size() >= kNameBytesMax) break;
  }
  while (name.ends_with('-')) name.pop_back();
  return name;
}

Task<Result<std::vector<Worktree>>> list_worktrees(process::Processes& processes, std::filesystem::path directory) {
  std::vector<std::string> arguments{"worktree", "list", "--porcelain"};
  CO_TRY(const std::string output, co_await run(processes, std::move(directory), std::move(arguments)));
  std::vector<Worktree> found;
  constexpr std::string_view kWorktree = "worktree ";
  constexpr std::string_view kBranch = "branch refs/heads/";
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = std::min(output.find('\n', at), output.size());
    const std::string_view line = std::string_view(output).substr(at, end - at);
    if (line.starts_with(kWorktree)) found.push_back({.directory = line.substr(kWorktree.size()), .branch = {}});
    if (line.starts_with(kBranch) && !found.empty()) found.back().branch = line.substr(kBranch.size());
    at = end + 1;
  }
  // The main one comes first.
  if (!found.empty()) found.erase(found.begin());
  co_return found;
}

Task<Result<Worktree>> add_worktree(process::Processes& processes, std::filesystem::path main,
                                    std::filesystem::path directory, std::string name) {
  Worktree made{.directory = std::move(directory), .branch = std::string(kBranchPrefix) + name};
  std::vector<std::string> arguments{"worktree", "add", "-b", made.branch, "--", made.directory.string()};
  CO_TRY_VOID(co_await run(processes, std::move(main), std::move(arguments)));
  co_return made;
}

Task<Result<void>> reset_worktree(process::Processes& processes, Worktree worktree) {
  std::string base = co_await default_branch(processes, worktree.directory);
  if (base.empty()) co_return fail(ErrorCode::invalid, "The repository has no default branch");
  std::vector<std::string> reset{"reset", "--hard", base, "--"};
  CO_TRY_VOID(co_await run(processes, worktree.directory, std::move(reset)));
  std::vector<std::string> clean{"clean", "-ffd"};
  CO_TRY_VOID(co_await run(processes, worktree.directory, std::move(clean)));
  co_return Result<void>();
}

Task<Result<void>> remove_worktree(process::Processes& processes, std::filesystem::path main, Worktree worktree) {
  std::vector<std::string> remove{"worktree", "remove", "--force", "--", worktree.directory.string()};
  CO_TRY_VOID(co_await run(processes, main, std::move(remove)));
  if (!worktree.branch.starts_with(kBranchPrefix)) co_return Result<void>();
  std::vector<std::string> forget{"branch", "-D", "--", worktree.branch};
  CO_TRY_VOID(co_await run(processes, std::move(main), std::move(forget)));
  co_return Result<void>();
}

Task<Result<void>> apply_patch_text(process::Processes& processes, std::filesystem::path worktree, std::string patch) {
  process::Spawn spawn{.argv = {"git", "apply", "-"}, .directory = std::move(worktree)};
  spawn.environment = process::tool_environment();
  spawn.input = std::move(patch);
  spawn.timeout_ms = kApplyTimeoutMs;
  const auto said = co_await process::collect(processes, std::move(spawn), kOutputBytesMax);
  if (!said) co_return std::unexpected(said.error());
  if (said->exit.code != 0) co_return fail(ErrorCode::invalid, "{}", first_line(said->output));
  co_return Result<void>();
}

}  // namespace quarterdeck::workspace
