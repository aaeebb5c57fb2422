// The real store behind a disk that can be slow, full, or gone in the middle of a commit. Commits run where the seed
// says; what has not been committed when the server dies is lost, as with kill -9. Witnesses what was committed.
#pragma once

#include <deque>
#include <filesystem>

#include "replica.hpp"
#include "store/event_store.hpp"
#include "store/open.hpp"
#include "world.hpp"

namespace quarterdeck::simulation {

// What has ever been committed, over all restarts: the events themselves, before the log forgets superseded ones.
struct Witness {
  struct Pending {
    enum class Stage { queued, writing, failed, committed };
    store::Batch batch;
    Stage stage = Stage::queued;
  };
  Replicas replicas;
  store::Seq last_seq = 0;
  std::deque<Pending> unacknowledged;  // appended, the server has not heard of the outcome; oldest first

  void move(Pending::Stage from, Pending::Stage to);
  std::vector<store::Seq> published;        // shown to subscribers
};

class SimulatedStore final : public store::EventStore {
 public:
  // `store` is opened by open(), with the failpoint of this object.
  SimulatedStore(Loop& loop, Dice dice, World& world, Witness& witness, bool& dead);
  Result<void> open(Clock& clock, Dice& random, BlockingPool& disk, const std::filesystem::path& directory);
  store::Query& query() { return store_->query(); }

  void append(store::Batch batch, Done done) override;
  Result<> admits() override;
  void observe_health(std::function<void(const store::Health&)> observer) override;
  void observe(Observer observer) override { store_->events().observe(std::move(observer)); }
  void put_project(domain::Project project, std::move_only_function<void(Result<>)> done) override;
  void remove_saved_rule(std::string id, std::move_only_function<void(Result<>)> done) override;
  using EventStore::append;
  using EventStore::put_project;
  using EventStore::remove_saved_rule;

 private:
  store::Health health() const;
  void change_disk(bool full);
  void look_at_disk();
  void at(std::string_view point);
  [[noreturn]] void break_commit(int code, const char* why);
  void on_appended(Appended& appended);
  Appended early_answer(const store::Batch& batch);

  Dice dice_;
  World& world_;
  Witness& witness_;
  bool& dead_;
  store::Seq promised_seq_ = 0;
  std::function<void(const store::Health&)> on_health_;
  std::unique_ptr<Loop::Handle> next_look_;
  std::int64_t reserve_commits_ = 0;  // that a full disk still takes
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<store::Store> store_;
};

// After a restart: what the dead server appended and did not hear of has either been committed or not.
void reconcile(World& world, Witness& witness, store::Query& query);

}  // namespace quarterdeck::simulation
