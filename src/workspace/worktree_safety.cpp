#include "workspace/worktree_safety.hpp"

#include <algorithm>
#include <charconv>
#include <ranges>
#include <set>

#include "workspace/changes.hpp"
#include "workspace/git_run.hpp"
#include "workspace/project.hpp"
#include "workspace/session_worktrees.hpp"

namespace quarterdeck::workspace {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kEntriesMax = 3'000'000;
constexpr std::size_t kNamesShown = 5;
constexpr std::size_t kCommitsMax = 100'000;

bool is_hash(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }) &&
         std::ranges::any_of(text, [](char c) { return c != '0'; });
}

bool lies_in(const fs::path& path, const fs::path& directory) {
  const auto [end, rest] = std::ranges::mismatch(directory, path);
  return end == directory.end();
}

bool is_present(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error)) || (error && error != std::errc::no_such_file_or_directory);
}

std::vector<std::string> split_nul(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    if (end > at) out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string some_of(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) out += (i ? ", " : "") + names[i];
  if (names.size() > kNamesShown) out += fmt::format(" and {} more", names.size() - kNamesShown);
  return out;
}

// What is to be seen without git. Blocks.
struct Seen {
  fs::path admin;
  std::vector<KeepReason> reasons;
  std::set<std::string> logged;  // commits that the reflogs and the like name
};

void add_hashes(const fs::path& file, std::set<std::string>& out) {
  const auto text = read_file(file);
  if (!text) return;
  for (const std::string& line : lines_of(*text)) {
    for (std::size_t at = 0; at < line.size() && line[at] != '\t';) {
      const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
      const std::string_view word(line.data() + at, end - at);
      if (is_hash(word)) out.emplace(word);
      at = end + 1;
    }
  }
}

Seen look(const SessionWorktree& record, const fs::path& files) {
  Seen seen;
  const auto keep = [&](std::string code, std::string text) {
    seen.reasons.push_back({std::move(code), std::move(text)});
  };
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(files, error))) {
    keep("unknown", fmt::format("{} is not a directory", files.string()));
    return seen;
  }
  seen.admin = admin_directory(record.main, record.directory);
  if (seen.admin.empty()) {
    keep("unknown", fmt::format("git knows no worktree at {}", record.directory));
    return seen;
  }
  if (git_dir_of(files).lexically_normal() != seen.admin.lexically_normal()) {
    keep("unknown", fmt::format("{} is not the checkout that git knows there", (files / ".git").string()));
  }
  if (is_present(seen.admin / "locked")) keep("locked", "somebody locked it (git worktree lock)");
  for (const char* name : {"MERGE_HEAD", "rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "REVERT_HEAD",
                           "BISECT_LOG", "BISECT_START", "sequencer", "AUTO_MERGE", "MERGE_AUTOSTASH"}) {
    if (is_present(seen.admin / name)) {
      keep("in_progress", fmt::format("a merge, rebase, cherry-pick, revert or bisect is in progress ({})", name));
      break;
    }
  }
  if (is_present(seen.admin / "index.lock") || is_present(seen.admin / "HEAD.lock"))
    keep("live_process", "git works in it");
  if (is_present(seen.admin / "modules")) keep("submodules", "it has checked-out submodules");
  for (auto at = fs::recursive_directory_iterator(seen.admin / "refs", error); at != fs::recursive_directory_iterator();
       at.increment(error)) {
    if (error || at->is_directory(error)) continue;
    keep("worktree_refs",
         fmt::format("it has refs of its own ({})", at->path().lexically_relative(seen.admin).string()));
    break;
  }
  add_hashes(seen.admin / "logs/HEAD", seen.logged);
  for (const char* name : {"ORIG_HEAD", "FETCH_HEAD"}) add_hashes(seen.admin / name, seen.logged);
  add_hashes(common_git_dir(record.main) / "logs/refs/heads" / record.branch, seen.logged);

  // A repository inside it, also where git ignores it, has commits of its own.
  std::size_t entries = 0;
  error.clear();
  for (auto at = fs::recursive_directory_iterator(files, error); at != fs::recursive_directory_iterator();
       at.increment(error)) {
    if (error) break;
    if (++entries > kEntriesMax) break;
    const fs::path& path = at->path();
    const bool bare = path.filename() == "HEAD" && is_present(path.parent_path() / "objects") &&
                      is_present(path.parent_path() / "refs");
    if ((path.filename() == ".git" && path.parent_path() != files) || bare) {
      keep("nested_repository",
           fmt::format("another repository lies in it ({})", path.parent_path().lexically_relative(files).string()));
      break;
    }
  }
  if (error) keep("unknown", fmt::format("not all of it can be read: {}", error.message()));
  if (entries > kEntriesMax) keep("unknown", fmt::format("it holds more than {} files", kEntriesMax));
  const auto live = processes_below(files);
  if (!live.empty())
    keep("live_process", fmt::format("{} process(es) work in it, such as {}", live.size(), live.front()));
  return seen;
}

}  // namespace

std::vector<int> processes_below(const fs::path& directory) {
  std::vector<int> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    int pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    const auto is_there = [&](const fs::path& link) {
      std::error_code unreadable;
      const fs::path target = fs::read_symlink(link, unreadable);
      return !unreadable && lies_in(target, directory);
    };
    bool here = is_there(entry.path() / "cwd") || is_there(entry.path() / "root") || is_there(entry.path() / "exe");
    std::error_code unreadable;
    for (auto fd = fs::directory_iterator(entry.path() / "fd", unreadable); !here && fd != fs::directory_iterator();
         fd.increment(unreadable)) {
      if (unreadable) break;
      here = is_there(fd->path());
    }
    if (here) found.push_back(pid);
  }
  return found;
}

std::string reasons_text(const std::vector<KeepReason>& reasons) {
  std::string out;
  for (const KeepReason& reason : reasons) out += (out.empty() ? "" : "; ") + reason.text;
  return out;
}

Task<Examination> examine(Loop& loop, BlockingPool& pool, process::Processes& processes, SessionWorktree record,
                          fs::path files) {
  Examination result;
  auto see = [record, files] { return look(record, files); };
  Seen seen = co_await blocking(loop, pool, std::move(see));
  result.reasons = std::move(seen.reasons);
  if (seen.admin.empty()) co_return result;
  const auto keep = [&](std::string code, std::string text) {
    result.reasons.push_back({std::move(code), std::move(text)});
  };
  // What git says there, whatever the repository's own settings would hide. Words without spaces.
  const auto ask = [&](std::string_view line, std::string input = "") {
    GitRun run{.directory = files,
               .arguments = {"-c", "core.fileMode=true", "-c", "core.trustctime=true", "-c", "core.checkStat=default",
                             "-c", "core.untrackedCache=false", "-c", "core.ignoreStat=false"}};
    for (const auto word : std::views::split(line, ' ')) run.arguments.emplace_back(std::string_view(word));
    run.input = std::move(input);
    run.environment = {{"GIT_DIR", seen.admin.string()}, {"GIT_WORK_TREE", files.string()}};
    return run_git(processes, std::move(run));
  };

  const auto head = co_await ask("rev-parse --verify HEAD^{commit}");
  if (!head) {
    keep("unknown", "nothing is checked out: " + head.error().message);
    co_return result;
  }
  result.head = lines_of(*head).front();
  if (const auto attached = co_await ask("symbolic-ref --quiet HEAD")) {
    const std::string ref = lines_of(*attached).front();
    constexpr std::string_view kHeads = "refs/heads/";
    if (ref.starts_with(kHeads)) result.attached = ref.substr(kHeads.size());
  }
  const std::string own = "refs/heads/" + record.branch;
  if (const auto tip = co_await ask("rev-parse --verify --quiet " + own + "^{commit}")) {
    result.branch_tip = lines_of(*tip).front();
  }

  const auto status =
      co_await ask("status --porcelain=v1 -z --untracked-files=all --ignore-submodules=none --no-renames");
  if (!status) keep("unknown", status.error().message);
  if (status) {
    std::vector<std::string> names;
    for (const std::string& line : split_nul(*status)) names.push_back(line.size() > 3 ? line.substr(3) : line);
    if (!names.empty()) keep("dirty", fmt::format("{} file(s) are not committed: {}", names.size(), some_of(names)));
  }
  // Files that git was told not to look at.
  const auto tags = co_await ask("ls-files -v -z");
  if (!tags) keep("unknown", tags.error().message);
  if (tags) {
    std::vector<std::string> hidden;
    for (const std::string& line : split_nul(*tags)) {
      if (line.size() < 3) continue;
      const bool assumed = line[0] >= 'a' && line[0] <= 'z';
      if (assumed || (line[0] == 'S' && is_present(files / line.substr(2)))) hidden.push_back(line.substr(2));
    }
    if (!hidden.empty()) keep("hidden_changes", fmt::format("git was told not to look at {}", some_of(hidden)));
  }
  // A stash belongs to the repository and stays; but it was made here, and nobody will know what it was for.
  const auto stashes = co_await ask("log --walk-reflogs --format=%gs refs/stash --");
  for (const std::string& line : stashes ? lines_of(*stashes) : std::vector<std::string>()) {
    if (line.starts_with("WIP on " + record.branch + ":") || line.starts_with("On " + record.branch + ":") ||
        (!result.attached && line.contains("(no branch)"))) {
      keep("stash", fmt::format("there is a stash of it ({})", line));
      break;
    }
  }

  // What no remote, no other branch and no tag leads to.
  const std::string others = "--not --exclude=" + own + " --glob=refs/heads/* --remotes --tags";
  const std::string count = "--max-count=" + std::to_string(kCommitsMax);
  const auto unpushed = co_await ask(
      fmt::format("rev-list {} {} {} {}", count, result.head, result.branch_tip.value_or(result.head), others));
  if (!unpushed) keep("unknown", unpushed.error().message);
  if (unpushed) {
    const auto commits = lines_of(*unpushed);
    if (!commits.empty()) {
      keep("unpushed",
           fmt::format("{} commit(s) are neither pushed nor merged, such as {}", commits.size(), commits.front()));
    }
  }
  // Reflogs name commits that may be gone already; those cannot be lost any more.
  std::string logged;
  for (const std::string& each : seen.logged) logged += each + "\n";
  const auto present = co_await ask("cat-file --batch-check", std::move(logged));
  if (!present) {
    keep("unknown", present.error().message);
    co_return result;
  }
  std::string revisions;
  for (const std::string& line : lines_of(*present)) {
    if (line.contains(" commit ")) revisions += line.substr(0, line.find(' ')) + "\n";
  }
  const auto abandoned = co_await ask(
      fmt::format("rev-list {} --stdin {} {} {}", count, result.head, result.branch_tip.value_or(result.head), others),
      std::move(revisions));
  if (!abandoned) keep("unknown", abandoned.error().message);
  if (abandoned) result.commits = lines_of(*abandoned);
  if (result.commits.size() >= kCommitsMax) keep("unknown", fmt::format("it has more than {} commits", kCommitsMax));
  co_return result;
}

}  // namespace quarterdeck::workspace
