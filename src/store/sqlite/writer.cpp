#include "store/sqlite/writer.hpp"

#include <sys/stat.h>

#include "base/activity.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "store/sqlite/quarantine.hpp"

namespace quarterdeck::store::sqlite {
namespace {

// A transaction that takes longer is stuck: the disk does not answer.
constexpr std::int64_t kStallMs = 10'000;

metrics::Family<metrics::Histogram> commits("quarterdeck_store_commit_seconds",
                                            "Transactions of the writer, with fsync");
metrics::Family<metrics::Counter> events("quarterdeck_store_events_total", "Events written");
metrics::Family<metrics::Counter> failures("quarterdeck_store_failures_total", "Transactions that failed");

}  // namespace

namespace {
constexpr off_t kLogBytesMax = 24 << 20;  // 64 MB are promised
constexpr int kLogWaitMs = 200;
}  // namespace

Writer::Writer(Loop& loop, Clock& clock, Random& random, const SqliteOptions& options,
               std::unique_ptr<Connection> connection, Seq last_seq, DiskGuard& guard)
    : EventStore(loop),
      ids_(clock, random),
      clock_(clock),
      queue_events_max_(options.queue_events_max),
      connection_(std::move(connection)),
      projector_(*connection_),
      guard_(guard),
      database_(options.directory / "quarterdeck.db"),
      failpoint_(options.failpoint),
      seq_(last_seq),
      executor_(options.executor) {
  struct stat status{};
  if (::stat(database_.c_str(), &status) == 0) inode_ = status.st_ino;
  if (!executor_) thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
  *alive_ = false;
  if (executor_) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Writer::append(Batch batch, Done done) {
  if (*queued_events_ + batch.events.size() > queue_events_max_) {
    loop_.post([done = std::move(done)]() mutable {
      done(fail(ErrorCode::unavailable, "the store cannot keep up; try again"));
    });
    return;
  }
  *queued_events_ += batch.events.size();
  // Ids and times are given here, in the order of the calls, which is the order of the numbers.
  std::vector<Stamp> stamps;
  stamps.reserve(batch.events.size());
  for (std::size_t i = 0; i < batch.events.size(); ++i) stamps.push_back({ids_.event(), clock_.now_ms()});
  enqueue(Append{std::move(batch), std::move(stamps), std::move(done), {}});
}

void Writer::put_project(domain::Project project, std::move_only_function<void(Result<>)> done) {
  enqueue(PutProject{std::move(project), std::move(done), {}});
}

void Writer::remove_saved_rule(std::string id, std::move_only_function<void(Result<>)> done) {
  enqueue(RemoveSavedRule{std::move(id), std::move(done), {}});
}

void Writer::enqueue(Job job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  if (executor_) {
    schedule();
  } else {
    wake_.notify_one();
  }
}

// Everything that is queued when the executor gets to it is one group, as with the thread.
void Writer::schedule() {
  if (std::exchange(scheduled_, true)) return;
  executor_->submit([this, alive = alive_] {
    if (!*alive) return;
    scheduled_ = false;
    std::vector<Job> group;
    group.swap(queue_);
    write_queued(std::move(group));
  });
}

void Writer::run() {
  Activity activity("store", kStallMs);
  while (true) {
    std::vector<Job> group;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      group.swap(queue_);
    }
    const Activity::Span span(activity, "commit");
    write_queued(std::move(group));
  }
}

void Writer::write_queued(std::vector<Job> group) {
  const std::int64_t started_ns = Activity::now_ns();
  const Seq before = seq_;
  write(group);
  commits.with().observe_ns(Activity::now_ns() - started_ns);
  events.with().add(static_cast<std::uint64_t>(seq_ - before));
  failpoint::reach("store.report.before");
  loop_.post([group = std::move(group), observer = observer_, queued = queued_events_]() mutable {
    for (Job& job : group) {
      if (auto* appended = std::get_if<Append>(&job)) {
        *queued -= appended->stamps.size();
        if (appended->result && *observer) (*observer)(*appended->result);
      }
    }
    for (Job& job : group) {
      std::visit(
          [](auto& each) {
            if (each.done) each.done(std::move(each.result));
          },
          job);
    }
  });
  failpoint::reach("store.report.after");
}

void Writer::write(std::vector<Job>& group) {
  const auto fail_all = [&](const Error& error) {
    failures.with().add();
    log::error("{} appends failed: {}", group.size(), error.message);
    for (Job& job : group) std::visit([&](auto& each) { each.result = std::unexpected(error); }, job);
  };
  if (guard_.writable() && database_taken_away()) {
    guard_.stop_writing({Health::State::read_only,
                         fmt::format("{} was deleted or replaced while the server runs. Stop the server, put the "
                                     "database back (quarterdeck restore), and start again",
                                     database_.string())});
  }
  if (!guard_.writable()) return fail_all(admission(guard_.health()).error());
  while (auto failure = try_write(group)) {
    const int kind = failure->code & 0xff;
    if (kind == SQLITE_FULL && guard_.found_no_room()) continue;
    if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) guard_.stop_writing(damaged(database_, failure->what()));
    if (kind == SQLITE_READONLY) guard_.stop_writing({Health::State::read_only, to_error(*failure).message});
    return fail_all(to_error(*failure));
  }
}

std::optional<SqlFailure> Writer::try_write(std::vector<Job>& group) {
  const Seq before = seq_;
  try {
    at("begin");
    failpoint::reach("store.begin.before");
    connection_->run("BEGIN IMMEDIATE");
    failpoint::reach("store.begin.after");
    for (Job& job : group) {
      if (auto* append_job = std::get_if<Append>(&job)) {
        apply(*append_job);
      } else if (const auto* put = std::get_if<PutProject>(&job)) {
        projector_.put_project(put->project);
        failpoint::reach("store.project.put");
      } else {
        projector_.remove_saved_rule(std::get<RemoveSavedRule>(job).id);
      }
    }
    if (!std::exchange(tombstones_pruned_, true)) {
      // Tombstones are for clients that were away; beyond these, a client reads the list again.
      connection_->run(
          "DELETE FROM event WHERE session IS NULL AND seq <= "
          "(SELECT seq FROM event WHERE session IS NULL ORDER BY seq DESC LIMIT 1 OFFSET 10000)");
    }
    at("commit");
    if (failpoint::fails("store.commit.before")) throw SqlFailure(SQLITE_IOERR_WRITE, "failpoint store.commit.before");
    connection_->run("COMMIT");
    failpoint::reach("store.commit.after");
    at("committed");
    keep_log_short();
    return std::nullopt;
  } catch (const SqlFailure& failure) {
    seq_ = before;
    // SQLite rolls back by itself after some failures.
    try {
      failpoint::reach("store.rollback");
      if (connection_->in_transaction()) connection_->run("ROLLBACK");
    } catch (const SqlFailure& again) {
      log::error("rolling back: {}", again.what());
    }
    return failure;
  }
}

// SQLite moves the log into the database by itself after 1000 pages, as far as readers let it. A log that grows on
// because somebody reads for long is cut at the first gap between readers, for which new readers wait.
void Writer::keep_log_short() {
  struct stat status{};
  if (!inode_ || ::stat((database_.string() + "-wal").c_str(), &status) != 0 || status.st_size < kLogBytesMax) return;
  failpoint::reach("store.checkpoint.before");
  sqlite3_busy_timeout(connection_->handle(), kLogWaitMs);
  int in_log = 0;
  int moved = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(connection_->handle(), "main", SQLITE_CHECKPOINT_TRUNCATE, &in_log, &moved);
  sqlite3_busy_timeout(connection_->handle(), kBusyTimeoutMs);
  failpoint::reach("store.checkpoint.after");
  if (code != SQLITE_OK)
    log::warn("the log of the database has {} MB: somebody reads it for long", status.st_size >> 20);
}

bool Writer::database_taken_away() {
  if (!inode_) return false;
  struct stat status{};
  return ::stat(database_.c_str(), &status) != 0 || status.st_ino != *inode_;
}

void Writer::apply(Append& job) {
  const Seq before = seq_;
  std::vector<StoredEvent> stored;
  stored.reserve(job.batch.events.size());
  connection_->run("SAVEPOINT batch");
  for (std::size_t i = 0; i < job.batch.events.size(); ++i) {
    auto event = projector_.apply(job.batch, job.batch.events[i], job.stamps[i], ++seq_);
    if (!event) {
      seq_ = before;
      connection_->run("ROLLBACK TO batch");
      connection_->run("RELEASE batch");
      job.result = std::unexpected(std::move(event).error());
      return;
    }
    stored.push_back(std::move(*event));
    if (failpoint::fails("store.event.projected"))
      throw SqlFailure(SQLITE_IOERR_WRITE, "failpoint store.event.projected");
  }
  connection_->run("RELEASE batch");
  failpoint::reach("store.batch.applied");
  job.result = std::move(stored);
}

}  // namespace quarterdeck::store::sqlite
