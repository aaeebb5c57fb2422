// The one way out of a session: what is recorded goes to the store, and reaches subscribers when it is committed; what
// is only shown (deltas) goes straight to them.
// Laws: subscribers see both in the order in which they were given here. What is on disk is always a beginning of what
// was recorded: after a batch that failed, nothing is stored any more.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/async.hpp"
#include "domain/event.hpp"
#include "feed/feed.hpp"
#include "session/history_cache.hpp"
#include "store/event_store.hpp"

namespace quarterdeck::session {

class Journal {
 public:
  struct Address {
    SessionId session;
    std::string directory;
    std::string project_id;
  };

  // `histories` hears of every committed event; shared with commits that outlive the journal and the engine.
  Journal(Loop& loop, store::EventStore& store, feed::Feed& feed, std::shared_ptr<HistoryCache> histories,
          Address address);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Events recorded in one turn of the loop become one batch: all of them or none.
  void record(domain::Event event);
  void show(domain::Delta delta);
  // Returns when everything recorded so far is on disk. Error: `unavailable` (disk full…); the journal is then broken
  // for good, and its actor must be reloaded from the store.
  Task<Result<void>> committed();
  // True while something recorded is on its way.
  bool storing() const;
  bool broken() const;
  // Calls once, when that happens.
  void on_broken(std::function<void()> call);

 private:
  struct Batch;
  struct Shared;
  void flush();

  Loop& loop_;
  std::shared_ptr<Shared> shared_;  // also held by the store's callbacks
};

}  // namespace quarterdeck::session
