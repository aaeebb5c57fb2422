// Opening the store of one server. The directory has mode 0700, its files 0600, and a lock that keeps a second server out.
// A damaged or unwritable database is opened for reading, and health() says why (docs/reliability.md, Storage).
// Errors: `conflict` when another server holds the directory (the message names its process), `invalid` when the
// database comes from a newer version or lies on a network file system, `unavailable` when it cannot be opened.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/loop.hpp"
#include "store/event_store.hpp"
#include "store/query.hpp"

namespace quarterdeck::store {

// Owns the writer and the readers. Destroying it writes what is queued.
class Store {
 public:
  virtual ~Store() = default;
  virtual EventStore& events() = 0;
  virtual Query& query() = 0;
  virtual Health health() = 0;  // any thread; for /readyz
};

struct SqliteOptions {
  std::filesystem::path directory;  // made when missing; holds quarterdeck.db and quarterdeck.lock
  std::int64_t size_bytes_max = 0;  // of the database file; 0 = SQLite's limit
  std::int64_t reserve_bytes_max = 32'000'000;  // held back for the end of running work when the disk is full
  std::int64_t free_bytes_min = 16'000'000;  // with less, new work is refused
  bool allow_network = false;  // file systems over a network are refused
  std::int64_t check_after_ms = 3'000;  // PRAGMA quick_check in the background, so long after the start; -1 = never
  std::size_t queue_events_max = 100'000;  // appended, not yet on disk
  // For fault tests: called on the writer thread with "begin", "commit" (before each) and "committed".
  std::function<void(std::string_view point)> failpoint;
  // Where commits run, one job at a time; null = a thread of their own. On an executor, closing the store writes nothing more: what a
  // simulation has not run is what a crash loses. Jobs may run after the store is gone, and do nothing then.
  BlockingPool* executor = nullptr;
};

// `clock` and `random` are used on the loop only, for the events' times and ids.
Result<std::unique_ptr<Store>> open_sqlite(Loop& loop, Clock& clock, Random& random, SqliteOptions options);

}  // namespace quarterdeck::store
