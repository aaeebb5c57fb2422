#include "simulated_store.hpp"

#include <sqlite3.h>

#include "store/sqlite/connection.hpp"
#include "wire/event.hpp"

namespace quarterdeck::simulation {

using Stage = Witness::Pending::Stage;

namespace {

void follow(World& world, Witness& witness, const SessionId& id, const domain::Event& event) {
  witness.replicas.apply(id, event);
  // What agents make, clients see and use like any other session.
  if (const auto* created = std::get_if<domain::SessionCreated>(&event)) {
    if (created->info.parent_id && created->info.agent) {
      world.sessions[id].id = id;
      world.counts["tasks"]++;
    }
  } else if (const auto* deleted = std::get_if<domain::SessionDeleted>(&event)) {
    const auto parent = deleted->info.parent_id;
    if (parent && world.sessions[*parent].delete_asked) world.sessions[id].delete_asked = true;
  }
}

}  // namespace

SimulatedStore::SimulatedStore(Loop& loop, Dice dice, World& world, Witness& witness, bool& dead)
    : EventStore(loop), dice_(dice), world_(world), witness_(witness), dead_(dead) {}

Result<void> SimulatedStore::open(Clock& clock, Dice& random, BlockingPool& disk,
                                  const std::filesystem::path& directory) {
  store::SqliteOptions options{
      .directory = directory, .failpoint = [this](std::string_view point) { at(point); }, .executor = &disk};
  TRY(store_, store::open_sqlite(loop_, clock, random, std::move(options)));
  TRY(promised_seq_, store_->query().last_seq());
  if (world_.disk_full) look_at_disk();
  return {};
}

void Witness::move(Pending::Stage from, Pending::Stage to) {
  for (Pending& pending : unacknowledged) {
    if (pending.stage == from) pending.stage = to;
  }
}

void SimulatedStore::break_commit(int code, const char* why) {
  if (!dead_) witness_.move(Stage::writing, Stage::failed);
  throw store::sqlite::SqlFailure(code, why);
}

void SimulatedStore::at(std::string_view point) {
  if (dead_) {
    if (point == "committed") return;
    break_commit(SQLITE_IOERR, "the server is dead");
  }
  if (point == "begin") witness_.move(Stage::queued, Stage::writing);
  if (point == "committed") witness_.move(Stage::writing, Stage::committed);
  if (world_.storm && dice_.chance(world_.profile.crash_at_commit)) {
    world_.note("crash at {}", point);
    if (point != "committed") witness_.move(Stage::writing, Stage::failed);
    dead_ = true;
    if (point != "committed") break_commit(SQLITE_IOERR, "the server is dead");
  }
  if (point == "committed") return;
  if (point == "begin" && world_.storm && !world_.disk_full && dice_.chance(world_.profile.disk_full))
    change_disk(true);
  if (!world_.disk_full || point == "begin" || reserve_commits_-- > 0) return;
  world_.disk_failed = true;
  world_.counts["failed commits"]++;
  break_commit(SQLITE_IOERR, "the disk is full");
}

// The disk guard's part (store/sqlite/disk_guard.hpp), which asks the machine's clock and disk.
store::Health SimulatedStore::health() const {
  if (!world_.disk_full) return {};
  return {store::Health::State::full, "the disk is full"};
}

Result<> SimulatedStore::admits() { return store::admission(health()); }

void SimulatedStore::observe_health(std::function<void(const store::Health&)> observer) {
  on_health_ = std::move(observer);
}

void SimulatedStore::change_disk(bool full) {
  world_.note("{}", full ? "the disk is full" : "the disk has space again");
  world_.disk_full = full;
  reserve_commits_ = full ? dice_.between(0, 4) : 0;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (on_health_) on_health_(health());
    if (world_.disk_full) look_at_disk();
  });
}

void SimulatedStore::look_at_disk() {
  next_look_ = loop_.after_ms(1'000, [this] {
    if (dead_ || !world_.disk_full) return;
    if (!world_.storm || dice_.chance(200)) return change_disk(false);
    look_at_disk();
  });
}

void SimulatedStore::append(store::Batch batch, Done done) {
  if (dead_) {
    store_->events().append(std::move(batch), std::move(done));
    return;
  }
  witness_.unacknowledged.push_back({.batch = batch});
  if (world_.sabotage == Sabotage::ack_before_commit) {
    loop_.post([answer = early_answer(batch), done = std::move(done)]() mutable { done(std::move(answer)); });
    done = [](Appended) {};
  }
  store_->events().append(std::move(batch), [this, alive = alive_, done = std::move(done)](Appended appended) mutable {
    if (!dead_) on_appended(appended);
    done(std::move(appended));
  });
}

void SimulatedStore::on_appended(Appended& appended) {
  const store::Batch batch = std::move(witness_.unacknowledged.front().batch);
  witness_.unacknowledged.pop_front();
  if (!appended) {
    world_.note("commit failed: {}", appended.error().message);
    if (appended.error().code != ErrorCode::unavailable) {
      std::string types;
      for (const domain::Event& event : batch.events) types += fmt::format(" {}", wire::event_type(event));
      world_.violation("the store refused a batch of {}: {}:{}", batch.session.value, appended.error().message, types);
    }
    return;
  }
  for (std::size_t i = 0; i < batch.events.size(); ++i) {
    const store::StoredEvent& stored = (*appended)[i];
    if (stored.seq != witness_.last_seq + 1) {
      world_.violation("event {} follows {}: numbers have a gap", stored.seq, witness_.last_seq);
    }
    witness_.last_seq = stored.seq;
    world_.counts["events"]++;
    world_.note("event {} {} {}", stored.seq, stored.type, batch.session.value);
    if (wire::shown_to_clients(stored.type)) witness_.published.push_back(stored.seq);
    follow(world_, witness_, batch.session, batch.events[i]);
    if (const auto* asked = std::get_if<domain::PermissionAsked>(&batch.events[i])) {
      world_.requests.insert_or_assign(asked->request.id, asked->request);
    } else if (const auto* replied = std::get_if<domain::PermissionReplied>(&batch.events[i])) {
      world_.requests.erase(replied->request_id);
    } else if (const auto* question = std::get_if<domain::QuestionAsked>(&batch.events[i])) {
      world_.questions.insert_or_assign(question->request.id, question->request);
    } else if (const auto* answered = std::get_if<domain::QuestionReplied>(&batch.events[i])) {
      world_.questions.erase(answered->request_id);
    } else if (const auto* dismissed = std::get_if<domain::QuestionRejected>(&batch.events[i])) {
      world_.questions.erase(dismissed->request_id);
    }
  }
  if (world_.sabotage == Sabotage::number_used_twice && witness_.last_seq > 20) appended->back().seq = 7;
  if (world_.sabotage == Sabotage::unpublished_event && dice_.chance(20)) appended->back().type = "quarterdeck.hidden";
}

SimulatedStore::Appended SimulatedStore::early_answer(const store::Batch& batch) {
  std::vector<store::StoredEvent> events;
  for (const domain::Event& event : batch.events) {
    wire::EncodedEvent encoded = wire::encode_event(batch.session, event);
    events.push_back({.seq = ++promised_seq_,
                      .type = encoded.type,
                      .properties = std::make_shared<const std::string>(std::move(encoded.properties)),
                      .session = batch.session,
                      .directory = batch.directory,
                      .project_id = batch.project_id});
  }
  return events;
}

void SimulatedStore::put_project(domain::Project project, std::move_only_function<void(Result<>)> done) {
  store_->events().put_project(std::move(project), std::move(done));
}

void SimulatedStore::remove_saved_rule(std::string id, std::move_only_function<void(Result<>)> done) {
  store_->events().remove_saved_rule(std::move(id), std::move(done));
}

void reconcile(World& world, Witness& witness, store::Query& query) {
  const auto last = query.last_seq();
  if (!last) return world.violation("the log cannot be read: {}", last.error().message);
  for (const Witness::Pending& pending : witness.unacknowledged) {
    if (pending.stage != Stage::committed) continue;
    for (const domain::Event& event : pending.batch.events) {
      ++witness.last_seq;
      if (wire::shown_to_clients(wire::event_type(event))) witness.published.push_back(witness.last_seq);
      follow(world, witness, pending.batch.session, event);
    }
  }
  witness.unacknowledged.clear();
  if (witness.last_seq != *last) {
    world.violation("after a restart the newest event is {}, not {}", *last, witness.last_seq);
    witness.last_seq = *last;
  }
  world.requests.clear();
  world.questions.clear();
  for (const auto& [id, replica] : witness.replicas.all()) {
    for (const auto& [request_id, request] : replica.state.requests) world.requests.emplace(request_id, request);
    for (const auto& [question_id, request] : replica.state.questions) world.questions.emplace(question_id, request);
  }
}

}  // namespace quarterdeck::simulation
