// The histories of sessions that had a turn lately. Bounded: the least recently used go when all together are too big,
// and what nobody asked for during a minute goes in any case. On the loop.
// Law: what it hands out is what is committed; journals tell it every event when that is on disk.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "base/async.hpp"
#include "base/result.hpp"
#include "session/history.hpp"
#include "store/query.hpp"

namespace quarterdeck::session {

struct HistoryCacheOptions {
  std::size_t bytes_max = 16 * 1024 * 1024;  // of all; a larger one stays alone
  std::int64_t idle_ms = 60'000;             // unused for so long (at most twice) is dropped
};

class HistoryCache {
 public:
  // `loop`, `pool` and `query` outlive every call of of(); the rest may be called when they are gone.
  HistoryCache(Loop& loop, BlockingPool& pool, store::Query& query, HistoryCacheOptions options = {});
  HistoryCache(const HistoryCache&) = delete;
  HistoryCache& operator=(const HistoryCache&) = delete;

  // Loads it when it is not here. The pointer is good until the caller suspends: use it first, or copy what you need.
  // Errors: not_found (session), unavailable.
  Task<Result<const History*>> of(SessionId session);
  // For journals, after the commit, in its order.
  void apply(const SessionId& session, const domain::Event& event);

  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    SessionId session;
    History history;
    bool used = true;  // since the last sweep
  };
  // Events that were committed while a history was read: it may hold them or not.
  struct Loading {
    int readers = 0;
    std::vector<domain::Event> missed;
  };
  using Entries = std::list<Entry>;

  const History* use(Entries::iterator entry);
  void drop(Entries::iterator entry);
  void trim();
  void sweep();

  Loop& loop_;
  BlockingPool& pool_;
  store::Query& query_;
  HistoryCacheOptions options_;
  Entries entries_;  // most recently used first
  std::map<SessionId, Entries::iterator> by_session_;
  std::map<SessionId, Loading> loading_;
  std::size_t bytes_ = 0;
  std::unique_ptr<Loop::Handle> sweeper_;  // only while there is something to drop
};

}  // namespace quarterdeck::session
