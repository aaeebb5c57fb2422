#include "workspace/session_worktrees.hpp"

#include <algorithm>
#include <set>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "wire/json.hpp"
#include "workspace/git_run.hpp"
#include "workspace/project.hpp"
#include "workspace/worktrees.hpp"

namespace quarterdeck::workspace {

namespace fs = std::filesystem;

namespace {

constexpr int kNamesMax = 200;  // tried for one wish
constexpr std::size_t kBranchBytesMax = 120;
constexpr std::size_t kSetupCommandsMax = 20;
constexpr std::int64_t kSetupTimeoutMs = 600'000;
constexpr std::size_t kSetupOutputBytesMax = 64 * 1024;
constexpr std::size_t kProblemBytesMax = 2'000;
constexpr std::int64_t kCheckoutTimeoutMs = 600'000;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

std::unexpected<Error> invalid_at(std::string path, std::string message) {
  return std::unexpected(Error{ErrorCode::invalid, fmt::format("{}\n  at {}", message, path), std::move(path)});
}

// Also taken: what would have to be a directory and a file at once ("a" beside "a/b").
bool is_taken(const std::set<std::string>& branches, const std::string& name) {
  if (branches.contains(name)) return true;
  const auto below = branches.lower_bound(name + "/");
  if (below != branches.end() && below->starts_with(name + "/")) return true;
  for (auto slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
    if (branches.contains(name.substr(0, slash))) return true;
  }
  return false;
}

int free_ports(const std::vector<SessionWorktree>& records, const WorktreeSettings& settings) {
  int first = settings.port_first;
  const auto taken = [&] {
    return std::ranges::any_of(records, [&](const SessionWorktree& other) {
      return other.state != WorktreeState::archived && other.port_first < first + settings.port_count &&
             first < other.port_first + other.port_count;
    });
  };
  while (taken()) first += settings.port_count;
  return first + settings.port_count <= 65'536 ? first : 0;
}

std::string made_for(const SessionWorktree& record) { return "quarterdeck: " + record.session.value; }

std::string tail_of(const std::string& text) {
  return text.size() <= kProblemBytesMax ? text : "…" + text.substr(text.size() - kProblemBytesMax);
}

}  // namespace

WorktreeSettings worktree_settings(std::string_view ours, bool trusted) {
  WorktreeSettings settings;
  const auto parsed = wire::parse(ours);
  const wire::Json* found = parsed ? wire::value_at(*parsed, "worktree") : nullptr;
  if (!found) return settings;
  const auto wrong = [](std::string_view where, std::string_view expected) {
    log::warn("configuration: quarterdeck.worktree.{}: expected {}", where, expected);
  };
  if (const wire::Json* setup = wire::value_at(*found, "setup")) {
    if (!setup->is_array()) wrong("setup", "a list of commands");
    for (const wire::Json& each : setup->is_array() ? setup->get_array() : wire::JsonArray()) {
      if (!each.is_string()) {
        wrong("setup", "a list of commands");
      } else if (trusted && settings.setup.size() < kSetupCommandsMax) {
        settings.setup.emplace_back(std::string_view(each.get_string()));
      }
    }
    if (!trusted) log::info("quarterdeck.worktree.setup is not run: the project is not trusted");
  }
  settings.base = wire::string_at(*found, "base");
  if (const wire::Json* prefix = wire::value_at(*found, "branch_prefix")) {
    const std::string text = prefix->is_string() ? wire::string_at(*found, "branch_prefix") : "?";
    if (text.empty() || branch_slug(text + "x") == text + "x") {
      settings.branch_prefix = text;
    } else {
      wrong("branch_prefix", "the beginning of a branch's name");
    }
  }
  if (const wire::Json* ports = wire::value_at(*found, "ports")) {
    const auto first = wire::int_at(*ports, "first", settings.port_first);
    const auto count = wire::int_at(*ports, "count", settings.port_count);
    if (first < 1024 || count < 0 || count > 1000 || first + count > 65'536) {
      wrong("ports", "\"first\" from 1024 and \"count\" up to 1000, below 65536");
    } else {
      settings.port_first = static_cast<int>(first);
      settings.port_count = static_cast<int>(count);
    }
  }
  return settings;
}

std::string branch_slug(std::string_view wanted) {
  std::string out;
  for (const char c : wanted) {
    if (out.size() >= kBranchBytesMax) break;
    const char last = out.empty() ? '/' : out.back();
    if (is_plain(c)) {
      if (c == '.' && (last == '/' || last == '.')) continue;
      if (c == '-' && last == '/') continue;
      out += c;
    } else if (c == '/') {
      while (!out.empty() && (out.back() == '.' || out.back() == '-')) out.pop_back();
      if (out.ends_with(".lock")) out.resize(out.size() - 5);
      if (!out.empty() && out.back() != '/') out += '/';
    } else if (last != '/' && last != '-') {
      out += '-';
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    while (!out.empty() && (out.back() == '/' || out.back() == '.' || out.back() == '-')) {
      out.pop_back();
      changed = true;
    }
    if (out.ends_with(".lock")) {
      out.resize(out.size() - 5);
      changed = true;
    }
  }
  return out == "HEAD" ? "" : out;
}

fs::path admin_directory(const fs::path& main, const fs::path& directory) {
  const fs::path common = common_git_dir(main);
  if (common.empty()) return {};
  const std::string wanted = (directory / ".git").string();
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(common / "worktrees", ignored)) {
    auto named = read_file(entry.path() / "gitdir");
    if (!named) continue;
    while (named->ends_with('\n')) named->pop_back();
    if (*named == wanted) return entry.path();
  }
  return {};
}

SessionWorktrees::SessionWorktrees(Loop& loop, BlockingPool& pool, process::Processes& processes, Places places,
                                   Clock& clock, Reached reached)
    : loop_(loop),
      pool_(pool),
      processes_(processes),
      places_(std::move(places)),
      clock_(clock),
      reached_(std::move(reached)) {}

Task<std::optional<SessionWorktree>> SessionWorktrees::of(SessionId session) {
  auto read = [places = places_, session] { return record_of(places, session); };
  co_return co_await blocking(loop_, pool_, read);
}

Task<std::vector<SessionWorktree>> SessionWorktrees::all() {
  auto read = [places = places_] { return all_records(places); };
  co_return co_await blocking(loop_, pool_, read);
}

Task<Result<void>> SessionWorktrees::store(SessionWorktree record) {
  auto write = [record = std::move(record)] { return write_record(record); };
  co_return co_await blocking(loop_, pool_, std::move(write));
}

Task<Result<SessionWorktree>> SessionWorktrees::make(WorktreeWish wish, WorktreeSettings settings,
                                                     std::stop_token stop) {
  const SessionId session = wish.session;
  while (choosing_ || setting_up_.contains(session)) {
    OneShot<Unit> free(loop_);
    waiting_.push_back(free.setter());
    co_await free;
  }
  struct Turn {
    SessionWorktrees& owner;
    ~Turn() {
      owner.choosing_ = false;
      for (const auto& free : std::exchange(owner.waiting_, {})) free(Unit{});
    }
  };
  struct SettingUp {
    SessionWorktrees& owner;
    SessionId session;
    ~SettingUp() {
      owner.setting_up_.erase(session);
      for (const auto& free : std::exchange(owner.waiting_, {})) free(Unit{});
    }
  };
  std::optional<Turn> turn;
  choosing_ = true;
  turn.emplace(*this);

  if (const auto known = co_await of(wish.session)) {
    if (known->state == WorktreeState::ready) co_return *known;
    if (known->state != WorktreeState::making) {
      co_return fail(ErrorCode::conflict,
                     "The session's worktree was cleaned up; undo that first (quarterdeck gc undo {})",
                     wish.session.value);
    }
    co_await take_back(*known);
  }
  CO_TRY(SessionWorktree record, co_await plan(std::move(wish), settings));
  reached("planned");
  CO_TRY_VOID(co_await store(record));
  reached("recorded");
  if (const auto made = co_await check_out(record); !made) {
    co_await take_back(record);
    co_return std::unexpected(made.error());
  }
  reached("checked out");
  // Names are chosen: what is set up for minutes holds nobody up but who wants the same.
  setting_up_.insert(session);
  const SettingUp setting_up{*this, session};
  turn.reset();
  co_await set_up(record, settings, stop);
  reached("set up");
  record.state = WorktreeState::ready;
  CO_TRY_VOID(co_await store(record));
  reached("ready");
  co_return record;
}

Task<Result<SessionWorktree>> SessionWorktrees::plan(WorktreeWish wish, const WorktreeSettings& settings) {
  const Location location = co_await locate(processes_, wish.project);
  if (!location.project.vcs || location.worktree == "/") {
    co_return invalid_at("[\"worktree\"]",
                         fmt::format("{} is not in a git repository with a commit", wish.project.string()));
  }
  SessionWorktree record{.session = wish.session,
                         .project_id = location.project.id,
                         .main = location.project.worktree,
                         .created = clock_.now_ms()};
  const std::string base = !wish.base.empty() ? wish.base : settings.base;
  const std::string commit = (base.empty() ? "HEAD" : base) + "^{commit}";
  GitRun resolve{.directory = record.main, .arguments = {"rev-parse", "--verify", "--end-of-options", commit}};
  const auto resolved = co_await run_git(processes_, std::move(resolve));
  if (!resolved)
    co_return invalid_at("[\"worktree\"][\"base\"]", fmt::format("\"{}\" is no commit of {}", base, record.main));
  record.base = lines_of(*resolved).front();

  std::string wanted = branch_slug(wish.branch);
  if (wanted.empty() && !wish.branch.empty()) {
    co_return invalid_at("[\"worktree\"][\"branch\"]", "No name of a branch can be made of it");
  }
  if (wanted.empty()) {
    const std::string slug = worktree_name(wish.title);
    wanted = settings.branch_prefix + (slug.empty() ? "session" : slug);
  }
  GitRun list{.directory = record.main, .arguments = {"for-each-ref", "--format=%(refname:strip=2)", "refs/heads/"}};
  CO_TRY(const std::string listed, co_await run_git(processes_, std::move(list)));
  const std::vector<SessionWorktree> records = co_await all();
  record.port_count = settings.port_count;
  record.port_first = free_ports(records, settings);
  if (record.port_first == 0) record.port_count = 0;
  auto choose = [record, wanted, listed, records, root = worktrees_root(places_)]() mutable -> Result<SessionWorktree> {
    std::set<std::string> branches;
    for (std::string& each : lines_of(listed)) branches.insert(std::move(each));
    // An archived worktree comes back with its name.
    for (const SessionWorktree& each : records) {
      if (each.project_id == record.project_id) branches.insert(each.branch);
    }
    const fs::path parent = root / record.project_id;
    std::error_code error;
    fs::create_directories(parent, error);
    if (error) return fail(ErrorCode::unavailable, "cannot make {}: {}", parent.string(), error.message());
    const std::string name = worktree_name(wanted);
    for (int n = 1; n <= kNamesMax; ++n) {
      const std::string suffix = n == 1 ? "" : fmt::format("-{}", n);
      const fs::path directory = parent / ((name.empty() ? "session" : name) + suffix);
      if (is_taken(branches, wanted + suffix) || fs::exists(fs::symlink_status(directory, error)) ||
          fs::exists(record_file(directory), error)) {
        continue;
      }
      record.branch = wanted + suffix;
      record.directory = directory.string();
      return record;
    }
    return fail(ErrorCode::conflict, "No name like {} is free", wanted);
  };
  co_return co_await blocking(loop_, pool_, std::move(choose));
}

Task<Result<void>> SessionWorktrees::check_out(SessionWorktree& record) {
  // Refused when somebody else made it meanwhile. The reflog says whose it is.
  GitRun branch{.directory = record.main,
                .arguments = {"update-ref", "--create-reflog", "-m", made_for(record), "refs/heads/" + record.branch,
                              record.base, std::string(record.base.size(), '0')}};
  CO_TRY_VOID(co_await run_git(processes_, std::move(branch)));
  reached("branched");
  GitRun add{.directory = record.main,
             .arguments = {"worktree", "add", "--quiet", "--", record.directory, record.branch},
             .timeout_ms = kCheckoutTimeoutMs};
  CO_TRY_VOID(co_await run_git(processes_, std::move(add)));
  co_return Result<void>();
}

// A command that fails is told and ends the set-up; the worktree can be used all the same.
Task<void> SessionWorktrees::set_up(SessionWorktree& record, const WorktreeSettings& settings, std::stop_token stop) {
  record.setup_problem.reset();
  for (const std::string& command : settings.setup) {
    process::Spawn spawn{.argv = {"/bin/sh", "-c", command}, .directory = record.directory};
    spawn.environment = process::tool_environment();
    for (auto& [key, value] : worktree_environment(record)) spawn.environment[key] = std::move(value);
    spawn.timeout_ms = kSetupTimeoutMs;
    const auto said = co_await process::collect(processes_, std::move(spawn), kSetupOutputBytesMax, stop);
    if (said && said->exit.code == 0) continue;
    if (!said) {
      record.setup_problem = fmt::format("{}: {}", command, said.error().message);
    } else if (said->exit.timed_out) {
      record.setup_problem = fmt::format("{}: not done after {} s", command, kSetupTimeoutMs / 1000);
    } else {
      record.setup_problem =
          fmt::format("{}: exit {}\n{}", command, said->exit.code.value_or(-1), tail_of(said->output));
    }
    log::warn("session {}: set-up: {}", record.session.value, *record.setup_problem);
    co_return;
  }
}

// Nobody has worked there yet: what was checked out goes, and the branch where it still is at its beginning.
Task<void> SessionWorktrees::take_back(SessionWorktree record) {
  GitRun remove{.directory = record.main,
                .arguments = {"worktree", "remove", "--force", "--force", "--", record.directory}};
  const auto removed = co_await run_git(processes_, std::move(remove));
  auto sweep = [record, root = worktrees_root(places_), removed = removed.has_value()] {
    std::error_code ignored;
    if (!removed) {
      const fs::path admin = admin_directory(record.main, record.directory);
      if (!admin.empty()) fs::remove_all(admin, ignored);
    }
    if (fs::path(record.directory).parent_path().parent_path() == root) fs::remove_all(record.directory, ignored);
    return 0;
  };
  co_await blocking(loop_, pool_, std::move(sweep));
  const std::string branch = "refs/heads/" + record.branch;
  GitRun ask{.directory = record.main, .arguments = {"log", "--walk-reflogs", "--format=%gs", branch, "--"}};
  const auto log = co_await run_git(processes_, std::move(ask));
  if (log && lines_of(*log) == std::vector{made_for(record)}) {
    GitRun forget{.directory = record.main, .arguments = {"update-ref", "-d", branch, record.base}};
    [[maybe_unused]] const auto forgotten = co_await run_git(processes_, std::move(forget));
  }
  auto drop = [record] {
    remove_record(record);
    return 0;
  };
  co_await blocking(loop_, pool_, std::move(drop));
}

Task<int> SessionWorktrees::recover() {
  int undone = 0;
  for (const SessionWorktree& record : co_await all()) {
    if (record.state != WorktreeState::making) continue;
    log::info("worktree {}: was being made when the server ended; taken back", record.directory);
    co_await take_back(record);
    ++undone;
  }
  co_return undone;
}

}  // namespace quarterdeck::workspace
