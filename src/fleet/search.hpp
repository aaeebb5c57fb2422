// Full text over all sessions: keeps the index behind the log, off the turns' way, and asks it.
//
//   log ──► (a session's attention changed, or 30 s are over) ──► pause ──► batches on the pool, as long resting as working
//
// Laws: no turn waits for it; a batch holds some megabytes at most; after a crash it goes on where its cursor is.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "fleet/fleet.hpp"
#include "store/search.hpp"

namespace quarterdeck::fleet {

struct SearchAsked {
  store::SearchQuery query;  // its offset and row_max come from `cursor`
  std::optional<domain::Attention::Group> group;
  std::optional<domain::Attention::State> state;
  std::optional<domain::Priority> priority;
  std::string cursor;
};
struct SearchFound {
  struct Hit {
    store::SearchHit hit;
    SessionId head;  // in the roster
    domain::RosterRow row;  // of the head
    std::string title;  // of the session itself
  };
  std::vector<Hit> hits;
  std::string next;  // empty: there are no more
  store::Seq behind = 0;  // events that are not indexed yet
};

class Search {
 public:
  // `fleet` outlives it. Without an index everything is refused.
  Search(Fleet& fleet, std::unique_ptr<store::SearchIndex> index);
  ~Search();

  void start();
  Task<void> shutdown();

  // Errors: `invalid` (no word, cursor), `unavailable` (switched off, or the file fails).
  Task<Result<SearchFound>> find(SearchAsked asked);
  Task<Result<store::SearchSize>> size();

 private:
  Task<void> keep_up();
  // At most so many batches. Errors: `unavailable`.
  Task<Result<void>> catch_up(int batches_max);
  Task<bool> wait_for_news();
  Task<Result<SearchFound>> find_now(SearchAsked asked);

  Fleet& fleet_;
  session::Engine& engine_;
  std::shared_ptr<store::SearchIndex> index_;  // shared with jobs on the pool
  std::shared_ptr<Changes> changes_;
  std::optional<std::size_t> subscription_;
  std::optional<OneShot<Unit>::Setter> wake_;
  std::int64_t batch_events_ = 16;
  bool news_ = false;  // since the last look
  bool busy_ = false;
  // One search at a time: they would wait for each other on the pool's threads.
  bool finding_ = false;
  std::deque<OneShot<Unit>::Setter> next_searches_;
  TaskGroup keeping_up_;
};

}  // namespace quarterdeck::fleet
