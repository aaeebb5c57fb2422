#include "fleet/upkeep.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "config/config.hpp"
#include "config/trust.hpp"
#include "fleet/facts.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "workspace/changes.hpp"
#include "workspace/git_run.hpp"

namespace quarterdeck::fleet {

using workspace::KeepReason;
using workspace::SessionWorktree;
using workspace::WorktreeState;

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kFirstSweepMs = 5 * 60'000;
constexpr std::int64_t kSweepMs = 60 * 60'000;
constexpr double kDayMs = 24.0 * 3600 * 1000;
constexpr std::int64_t kOrphanMs = 3'600'000;
constexpr std::int64_t kQuotaIdleMs = 24 * 3'600'000;

std::uintmax_t bytes_below(const fs::path& directory) {
  std::uintmax_t bytes = 0;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(directory, error); !error && at != fs::recursive_directory_iterator();
       at.increment(error)) {
    std::error_code ignored;
    if (at->is_regular_file(ignored) && !at->is_symlink(ignored)) bytes += at->file_size(ignored);
  }
  return bytes;
}

std::uintmax_t bytes_of(const SessionWorktree& record) {
  if (record.state == WorktreeState::archived) return record.kept_files ? bytes_below(*record.kept_files) : 0;
  return bytes_below(record.directory);
}

}  // namespace

CleanupPolicy cleanup_policy(std::string_view ours) {
  CleanupPolicy policy;
  const auto parsed = wire::parse(ours);
  const wire::Json* found = parsed ? wire::value_at(*parsed, "cleanup") : nullptr;
  if (!found) return policy;
  const auto number = [&](const char* name, double& out) {
    const wire::Json* value = wire::value_at(*found, name);
    if (!value) return;
    if (value->is_number() && value->to_number<double>() >= 0 && value->to_number<double>() < 100'000) {
      out = value->to_number<double>();
    } else {
      log::warn("configuration: quarterdeck.cleanup.{}: expected a number from 0, got {}", name, wire::to_text(*value));
    }
  };
  number("merged_days", policy.merged_days);
  number("idle_days", policy.idle_days);
  number("failed_days", policy.failed_days);
  number("undo_days", policy.undo_days);
  double quota_gb = static_cast<double>(policy.quota_bytes) / 1e9;
  number("quota_gb", quota_gb);
  policy.quota_bytes = static_cast<std::uintmax_t>(quota_gb * 1e9);
  if (const wire::Json* enabled = wire::value_at(*found, "enabled")) {
    if (enabled->is_bool()) {
      policy.enabled = enabled->get_bool();
    } else {
      log::warn("configuration: quarterdeck.cleanup.enabled: expected true or false");
    }
  }
  return policy;
}

// What is known of the session that works there.
struct Upkeep::Standing {
  bool exists = false;
  std::string title;
  TimeMs updated = 0;
  bool closed = false;
  bool failed = false;
  std::vector<KeepReason> reasons;
};

Upkeep::Upkeep(session::Engine& engine, session::Host& host)
    : engine_(engine),
      host_(host),
      worktrees_(engine.loop, engine.pool, engine.processes, engine.places, engine.clock),
      archive_(engine.loop, engine.pool, engine.processes, engine.places, engine.clock),
      background_(engine.loop) {}

Upkeep::~Upkeep() = default;

Task<Result<SessionWorktree>> Upkeep::make_worktree(workspace::WorktreeWish wish) {
  const workspace::Location location = co_await workspace::locate(engine_.processes, wish.project);
  auto read = [places = engine_.places, location] {
    const auto config = config::load(places, location.directory, location.worktree);
    return workspace::worktree_settings(config.ours.text, config.trusted);
  };
  workspace::WorktreeSettings settings = co_await blocking(engine_.loop, engine_.pool, read);
  auto made = co_await worktrees_.make(std::move(wish), std::move(settings), engine_.shutdown);
  if (asleep_) std::exchange(asleep_, std::nullopt).value()(Unit{});
  co_return made;
}

Task<Result<Upkeep::Opened>> Upkeep::open_session(workspace::WorktreeWish wish, domain::CreateSession session) {
  if (!session.id) session.id = engine_.ids.session();
  wish.session = *session.id;
  // A session of that id that works elsewhere is not taken over.
  const auto known = engine_.query.session(*session.id);
  const auto its_own = co_await worktrees_.of(*session.id);
  if (known && !its_own) {
    co_return fail(ErrorCode::conflict, "Session {} is there already, without a worktree of its own",
                   session.id->value);
  }
  CO_TRY(workspace::SessionWorktree worktree, co_await make_worktree(std::move(wish)));
  session.directory = worktree.directory;
  CO_TRY(domain::Session made, co_await host_.create(std::move(session)));
  co_return Opened{.session = std::move(made), .worktree = std::move(worktree)};
}

Task<CleanupPolicy> Upkeep::policy_of(std::string main) {
  auto read = [places = engine_.places, main] { return cleanup_policy(config::load(places, main, main).ours.text); };
  co_return co_await blocking(engine_.loop, engine_.pool, read);
}

Task<Upkeep::Standing> Upkeep::look_at(const SessionWorktree& record) {
  Standing standing;
  store::Query& query = engine_.query;
  const auto session = query.session(record.session);
  if (!session) {
    if (session.error().code != ErrorCode::not_found) standing.reasons.push_back({"unknown", session.error().message});
    co_return standing;
  }
  standing.exists = true;
  standing.title = session->title;
  standing.updated = session->updated;
  const auto members = family(query, record.session);
  const auto busy = host_.busy();
  for (const SessionId& id : members ? *members : std::vector{record.session}) {
    const auto work = query.work(id);
    if (!work || work->turn || !work->inbox.empty() ||
        std::ranges::any_of(busy, [&](const auto& each) { return each.first == id; })) {
      standing.reasons.push_back({"working", "the session works, or has prompts waiting"});
      break;
    }
    const auto requests = query.open_requests(id);
    const auto questions = query.open_questions(id);
    if (!requests || !requests->empty() || !questions || !questions->empty()) {
      standing.reasons.push_back({"open_request", "the session asks something"});
      break;
    }
  }
  const auto decided = read_standing(query, record.session);
  standing.closed = decided && decided->closed.has_value();
  const auto turn = query.last_turn(record.session);
  standing.failed = turn && *turn && (*turn)->reason == "error";
  // Whoever opened a pull request says so: in the session's metadata, or in a record.
  const auto is_open = [](std::string_view json) {
    const auto parsed = wire::parse(json);
    const wire::Json* ours = parsed ? wire::value_at(*parsed, "quarterdeck") : nullptr;
    const wire::Json* request = parsed ? wire::value_at(ours ? *ours : *parsed, "pull_request") : nullptr;
    return request && wire::string_at(*request, "state") == "open";
  };
  bool open = session->metadata && is_open(session->metadata->text);
  const auto records = query.records({.kind = "pull_request", .session = record.session, .limit = 100});
  for (const auto& each : records ? *records : std::vector<store::RecordRow>()) {
    const auto body = wire::parse(each.body.text);
    open = open || (body && wire::string_at(*body, "state") == "open");
  }
  if (open) standing.reasons.push_back({"open_pull_request", "its pull request is open"});
  co_return standing;
}

// It has commits, and the default branch has them all.
Task<bool> Upkeep::merged(SessionWorktree record) {
  const std::string head = "refs/heads/" + record.branch;
  workspace::GitRun own{.directory = record.main,
                        .arguments = {"rev-list", "--max-count=1", head, "--not", record.base}};
  const auto commits = co_await workspace::run_git(engine_.processes, std::move(own));
  if (!commits || commits->empty()) co_return false;
  const std::string branch = co_await workspace::default_branch(engine_.processes, record.main);
  if (branch.empty()) co_return false;
  for (const char* where : {"refs/remotes/origin/", "refs/heads/"}) {
    workspace::GitRun ask{.directory = record.main, .arguments = {"merge-base", "--is-ancestor", head, where + branch}};
    if (co_await workspace::run_git(engine_.processes, std::move(ask))) co_return true;
  }
  co_return false;
}

Task<Collected> Upkeep::consider(SessionWorktree record, const CleanupPolicy& policy, const CollectOptions& options) {
  Collected entry{.session = record.session, .directory = record.directory, .branch = record.branch, .action = "keep"};
  Standing standing = co_await look_at(record);
  entry.title = standing.title;
  const TimeMs now = engine_.clock.now_ms();
  if (record.state == WorktreeState::archived) {
    const TimeMs until = record.archived + static_cast<TimeMs>(policy.undo_days * kDayMs);
    entry.policy = record.why;
    if (record.kept_files) entry.undo_until = until;
    if (record.kept_files && now >= until) {
      entry.action = "purge";
      if (!options.dry_run) {
        const auto purged = co_await archive_.purge(record.session);
        if (!purged) {
          entry.action = "keep";
          entry.reasons.push_back({"live_process", purged.error().message});
        } else {
          entry.undo_until.reset();
        }
      }
    }
    co_return entry;
  }
  if (record.state != WorktreeState::ready) {
    entry.reasons.push_back({"working", "the worktree is being made or moved"});
    co_return entry;
  }
  const auto idle_ms = static_cast<double>(now - (standing.exists ? standing.updated : record.created));
  if (options.session) {
    entry.policy = "request";
  } else if (!standing.exists) {
    if (now - record.created >= kOrphanMs) entry.policy = "orphan";
  } else if (standing.closed && idle_ms >= policy.merged_days * kDayMs) {
    entry.policy = "closed";
  } else if (standing.failed && idle_ms >= policy.failed_days * kDayMs) {
    entry.policy = "failed";
  } else if (!standing.failed && idle_ms >= policy.idle_days * kDayMs) {
    entry.policy = "idle";
  } else if (idle_ms >= policy.merged_days * kDayMs && co_await merged(record)) {
    entry.policy = "merged";
  }
  if (entry.policy.empty()) co_return entry;
  entry.reasons = std::move(standing.reasons);
  if (!entry.reasons.empty()) co_return entry;
  // What the session itself left running goes with it, when it is done.
  const bool done =
      entry.policy == "merged" || entry.policy == "closed" || entry.policy == "request" || entry.policy == "orphan";
  if (done && !options.dry_run) engine_.processes.kill_owner(record.session.value);
  const workspace::Examination found = co_await archive_.examine(record);
  entry.reasons = found.reasons;
  if (!entry.reasons.empty()) co_return entry;
  entry.action = "archive";
  entry.undo_until = now + static_cast<TimeMs>(policy.undo_days * kDayMs);
  if (!options.dry_run) co_await archive(entry, record);
  co_return entry;
}

Task<void> Upkeep::archive(Collected& entry, const SessionWorktree& record) {
  const auto archived = co_await archive_.archive(record.session, entry.policy);
  if (!archived) {
    entry.action = "keep";
    entry.undo_until.reset();
    entry.reasons.push_back({"refused", archived.error().message});
    co_return;
  }
  engine_.instances.dispose(record.directory);
  domain::UpdateSession update;
  update.archived = engine_.clock.now_ms();
  [[maybe_unused]] const auto updated = co_await host_.update(record.session, std::move(update));
  log::info("worktree {} is archived ({}); quarterdeck gc undo {} brings it back", record.directory, entry.policy,
            record.session.value);
}

// What was archived goes first, the oldest first; then what has been idle for a day.
Task<std::uintmax_t> Upkeep::hold_quota(std::uintmax_t quota, bool dry_run, std::vector<Collected>& entries) {
  std::vector<SessionWorktree> records = co_await worktrees_.all();
  std::ranges::sort(records, {}, [](const SessionWorktree& record) {
    return std::pair(record.state != WorktreeState::archived,
                     record.state == WorktreeState::archived ? record.archived : record.created);
  });
  auto measure = [records] {
    std::vector<std::uintmax_t> sizes;
    for (const SessionWorktree& record : records) sizes.push_back(bytes_of(record));
    return sizes;
  };
  const auto sizes = co_await blocking(engine_.loop, engine_.pool, measure);
  std::uintmax_t total = 0;
  for (const std::uintmax_t size : sizes) total += size;
  for (std::size_t i = 0; i < records.size() && total > quota; ++i) {
    const SessionWorktree& record = records[i];
    const auto entry = std::ranges::find(entries, record.session, &Collected::session);
    if (entry == entries.end() || sizes[i] == 0) continue;
    if (record.state == WorktreeState::archived && record.kept_files && entry->action != "purge") {
      entry->policy = "quota";
      entry->action = "purge";
      if (!dry_run && !co_await archive_.purge(record.session)) {
        entry->action = "keep";
        continue;
      }
      entry->undo_until.reset();
      total -= sizes[i];
    } else if (record.state == WorktreeState::ready && entry->action == "keep" && entry->policy.empty()) {
      const Standing standing = co_await look_at(record);
      if (!standing.reasons.empty() || engine_.clock.now_ms() - standing.updated < kQuotaIdleMs) continue;
      entry->policy = "quota";
      const workspace::Examination found = co_await archive_.examine(record);
      entry->reasons = found.reasons;
      if (!found.reasons.empty()) continue;
      entry->action = "archive";
      if (!dry_run) {
        co_await archive(*entry, record);
        if (entry->action == "archive" && co_await archive_.purge(record.session)) total -= sizes[i];
      } else {
        total -= sizes[i];
      }
    }
  }
  co_return total;
}

Task<Result<CollectReport>> Upkeep::collect(CollectOptions options) {
  while (collecting_) {
    OneShot<Unit> free(engine_.loop);
    waiting_.push_back(free.setter());
    co_await free;
  }
  struct Turn {
    Upkeep& owner;
    ~Turn() {
      owner.collecting_ = false;
      for (const auto& free : std::exchange(owner.waiting_, {})) free(Unit{});
    }
  };
  collecting_ = true;
  const Turn turn{*this};
  CollectReport report;
  std::map<std::string, CleanupPolicy> policies;
  for (SessionWorktree& record : co_await worktrees_.all()) {
    if (options.session && record.session != *options.session) continue;
    if (engine_.shutting_down()) co_return fail(ErrorCode::unavailable, "the server is stopping");
    if (!policies.contains(record.main)) policies.emplace(record.main, co_await policy_of(record.main));
    const CleanupPolicy& policy = policies.at(record.main);
    report.quota_bytes = std::max(report.quota_bytes, policy.quota_bytes);
    report.entries.push_back(co_await consider(std::move(record), policy, options));
  }
  if (options.session && report.entries.empty()) {
    co_return fail(ErrorCode::not_found, "Session {} has no worktree of its own", options.session->value);
  }
  if (!options.session) report.bytes = co_await hold_quota(report.quota_bytes, options.dry_run, report.entries);
  co_return report;
}

Task<Result<SessionWorktree>> Upkeep::undo(SessionId session) {
  CO_TRY(SessionWorktree record, co_await archive_.undo(session));
  engine_.instances.dispose(record.directory);
  if (engine_.query.session(session)) {
    domain::UpdateSession update;
    update.archived.emplace();
    CO_TRY_VOID(co_await host_.update(session, std::move(update)));
  }
  if (asleep_) std::exchange(asleep_, std::nullopt).value()(Unit{});
  co_return record;
}

Task<void> Upkeep::recover() {
  co_await worktrees_.recover();
  co_await archive_.recover();
  background_.spawn(sweep());
}

Task<void> Upkeep::shutdown() {
  background_.stop();
  if (asleep_) std::exchange(asleep_, std::nullopt).value()(Unit{});
  co_await background_.join();
}

Task<void> Upkeep::sweep() {
  std::int64_t wait_ms = kFirstSweepMs;
  while (!background_.token().stop_requested()) {
    const auto records = co_await worktrees_.all();
    const bool idle = std::ranges::none_of(records, [](const SessionWorktree& record) {
      return record.state != WorktreeState::archived || record.kept_files.has_value();
    });
    if (idle) {
      OneShot<Unit> wake(engine_.loop);
      asleep_ = wake.setter();
      if (background_.token().stop_requested()) co_return;
      co_await wake;
      continue;
    }
    // Servers that were started together do not sweep together.
    const auto jitter = static_cast<std::int64_t>(engine_.ids.random() % (static_cast<std::uint64_t>(wait_ms) / 5));
    if (!co_await sleep_ms(engine_.loop, wait_ms + jitter, background_.token())) co_return;
    wait_ms = kSweepMs;
    bool enabled = false;
    for (const SessionWorktree& record : records) enabled = enabled || (co_await policy_of(record.main)).enabled;
    if (!enabled) continue;
    const auto report = co_await collect({});
    if (!report) log::info("cleaning up: {}", report.error().message);
  }
}

}  // namespace quarterdeck::fleet
