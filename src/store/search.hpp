// Full text of sessions: titles, what was asked and answered, tool calls with their output, commits. A file of its own
// beside the database, made of the log of events alone: it may be deleted at any time, and is made again.
// Laws: what apply() indexed and how far it came is one transaction: nothing is missing or double after a crash. Deleted
// sessions and messages are gone from it.
// Errors: `invalid` (a query without a word), `unavailable` (the file). Thread-safe; all of it may take milliseconds and
// belongs on the pool.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/event_store.hpp"

namespace quarterdeck::store {

struct SearchQuery {
  std::string words;  // as typed: words, "a phrase", begin*, -without
  std::vector<std::string> kinds;  // title | prompt | answer | tool | commit; empty: all
  std::optional<SessionId> session;
  std::optional<std::string> project_id;
  std::optional<TimeMs> since;  // inclusive
  std::optional<TimeMs> until;  // exclusive
  bool newest_first = false;  // else the best first
  std::int64_t offset = 0;
  std::optional<std::int64_t> row_max;  // only what was indexed until then: SearchPage::row_max of the first page
  std::int64_t limit = 20;
};

struct SearchHit {
  SessionId session;
  std::string kind;
  std::string message;  // empty for titles
  std::string part;
  std::string tool;
  TimeMs time = 0;
  std::string snippet;
  std::vector<std::pair<std::int64_t, std::int64_t>> matches;  // in `snippet`: begin and length, in code points
};
struct SearchPage {
  std::vector<SearchHit> hits;
  std::int64_t row_max = 0;
  bool more = false;
};
struct SearchSize {
  std::int64_t documents = 0;
  std::int64_t bytes = 0;  // on disk
};

class SearchIndex {
 public:
  virtual ~SearchIndex() = default;
  // All events up to this number are in it.
  virtual Result<Seq> cursor() = 0;
  // Events in ascending order, after cursor(); then the cursor is `upto`.
  virtual Result<void> apply(std::span<const StoredEvent> events, Seq upto) = 0;
  virtual Result<SearchPage> find(const SearchQuery& query) = 0;
  virtual Result<SearchSize> size() = 0;
};

// <directory>/search.db, 0600. One that cannot be read, is of another version, or is ahead of `newest` (the database was
// restored from a backup) is made anew.
void remove_search(const std::filesystem::path& directory);
Result<std::unique_ptr<SearchIndex>> open_search(const std::filesystem::path& directory, Seq newest);

}  // namespace quarterdeck::store
