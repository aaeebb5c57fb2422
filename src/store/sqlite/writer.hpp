// The one writer: a thread that takes everything that is queued into one transaction (group commit), then posts the
// results to the loop. A batch that does not fit is rolled back alone, by a savepoint; a failing disk fails the group.
//
//   loop: append -> queue ... thread: BEGIN, apply each, COMMIT (fsync) ... loop: observer, then each done
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <variant>

#include "store/open.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/disk_guard.hpp"
#include "store/sqlite/projector.hpp"

namespace quarterdeck::store::sqlite {

class Writer final : public EventStore {
 public:
  Writer(Loop& loop, Clock& clock, Random& random, const SqliteOptions& options, std::unique_ptr<Connection> connection,
         Seq last_seq, DiskGuard& guard);
  ~Writer() override;  // writes what is queued, if it has its own thread; its completions are posted

  void append(Batch batch, Done done) override;
  void observe(Observer observer) override { observer_ = std::make_shared<Observer>(std::move(observer)); }
  void put_project(domain::Project project, std::move_only_function<void(Result<>)> done) override;
  Result<> admits() override { return guard_.admits(); }
  void observe_health(std::function<void(const Health&)> observer) override { guard_.observe(std::move(observer)); }
  void remove_saved_rule(std::string id, std::move_only_function<void(Result<>)> done) override;
  using EventStore::append;
  using EventStore::put_project;
  using EventStore::remove_saved_rule;

 private:
  struct Append {
    Batch batch;
    std::vector<Stamp> stamps;
    Done done;
    Appended result;
  };
  struct PutProject {
    domain::Project project;
    std::move_only_function<void(Result<>)> done;
    Result<> result;
  };
  struct RemoveSavedRule {
    std::string id;
    std::move_only_function<void(Result<>)> done;
    Result<> result;
  };
  using Job = std::variant<Append, PutProject, RemoveSavedRule>;

  void enqueue(Job job);
  void run();
  void schedule();  // on the executor
  void write_queued(std::vector<Job> group);
  void write(std::vector<Job>& group);
  std::optional<SqlFailure> try_write(std::vector<Job>& group);
  // The file under our feet may be deleted or replaced: what is written then is lost with the next start.
  bool database_taken_away();
  void keep_log_short();
  void apply(Append& job);
  void at(std::string_view point) const {
    if (failpoint_) failpoint_(point);
  }

  // Loop.
  IdSource ids_;
  Clock& clock_;
  // Shared: completions may be posted when the writer is already gone.
  std::shared_ptr<Observer> observer_ = std::make_shared<Observer>();
  const std::size_t queue_events_max_;
  std::shared_ptr<std::size_t> queued_events_ = std::make_shared<std::size_t>(0);

  // Writer thread.
  std::unique_ptr<Connection> connection_;
  Projector projector_;
  DiskGuard& guard_;
  const std::filesystem::path database_;
  std::optional<ino_t> inode_;  // none: not a file
  std::function<void(std::string_view)> failpoint_;
  Seq seq_;
  bool tombstones_pruned_ = false;

  // Instead of the thread, when given.
  BlockingPool* const executor_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool scheduled_ = false;

  // Both.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace quarterdeck::store::sqlite
