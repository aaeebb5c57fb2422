// The log of events: append, and be told what was committed. The log is the truth; store/query.hpp reads its projections.
// Laws: events of one batch are appended all or none, with their projections, in one transaction. Sequence numbers are
//       global, ascend by one in commit order and are never used again. Superseded states of an entity leave the log
//       (docs/decisions/0003). What is reported as appended is on disk.
// Errors: `no_space` when the disk is full, `unavailable` when the queue is or nothing can be written (nothing was
//         written, later appends may work);
//         `not_found`, `conflict` when an event does not fit what is stored (unknown session, answered request).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/result.hpp"
#include "domain/event.hpp"
#include "domain/project.hpp"
#include "store/health.hpp"

namespace quarterdeck::store {

using Seq = std::int64_t;  // 1, 2, 3…; 0 is "before everything"
using Bytes = std::shared_ptr<const std::string>;

struct Batch {
  SessionId session;
  std::string directory;
  std::string project_id;
  std::vector<domain::Event> events;
};

// An event as it is on disk and on its way to subscribers.
struct StoredEvent {
  Seq seq = 0;
  std::int64_t session_seq = 0;  // 0, 1, 2… within the session, with gaps where states were superseded
  EventId id;
  TimeMs time = 0;
  std::string_view type;  // static storage: "session.updated"
  Bytes properties;  // JSON object, encoded once
  SessionId session;
  std::string directory;
  std::string project_id;
};

class EventStore {
 public:
  using Appended = Result<std::vector<StoredEvent>>;
  using Done = std::move_only_function<void(Appended)>;
  using Observer = std::function<void(std::span<const StoredEvent>)>;

  virtual ~EventStore() = default;

  // All members are called on the loop, and `done` runs there, in the order of the calls.
  virtual void append(Batch batch, Done done) = 0;
  Task<Appended> append(Batch batch);

  // Asked before new work is begun: refused while there is still room to store how running work ends.
  // Errors: `no_space`, `unavailable` with the reason.
  virtual Result<> admits() { return {}; }
  // `observer` is told on the loop when the store stops or begins again to take new work. One observer.
  virtual void observe_health(std::function<void(const Health&)> observer) { (void)observer; }

  // `observer` sees every committed event in the order of its number, before the appends complete. One observer.
  virtual void observe(Observer observer) = 0;

  // Projects are not sessions and have no events: the newest description wins.
  virtual void put_project(domain::Project project, std::move_only_function<void(Result<>)> done) = 0;
  Task<Result<>> put_project(domain::Project project);

  // Nothing happens when it is not there. Saving one is an event (RulesSaved).
  virtual void remove_saved_rule(std::string id, std::move_only_function<void(Result<>)> done) = 0;
  Task<Result<>> remove_saved_rule(std::string id);

 protected:
  explicit EventStore(Loop& loop) : loop_(loop) {}
  Loop& loop_;
};

}  // namespace quarterdeck::store
