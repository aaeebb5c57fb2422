// Knows whether the store can write: watches the free space of the data directory, holds the reserve, and remembers
// what made writing impossible. Law: new work is refused while there is still room to end the work that runs.
//
//   ok ──(little room, or SQLite found none)──► full ──(room again, looked at every second)──► ok
//   ok, full ──(damage; the file taken away)──► corrupt, read_only: until the next start
//
// Members are for any thread unless they say otherwise.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "base/loop.hpp"
#include "store/health.hpp"
#include "store/sqlite/reserve.hpp"

namespace quarterdeck::store::sqlite {

// Of the file system that holds `directory`.
struct Space {
  std::uint64_t free_bytes = 0;  // for us, without what is kept for root
  std::uint64_t size_bytes = 0;
};

struct DiskGuardOptions {
  std::filesystem::path directory;
  std::uint64_t reserve_bytes = 0;     // the most; a sixteenth of a small disk
  std::uint64_t free_bytes_min = 0;    // below, no new work; a thirty-second of a small disk
  std::function<Space()> space;        // for tests; null = statvfs
};

class DiskGuard {
 public:
  DiskGuard(Loop& loop, DiskGuardOptions options, Health start);
  ~DiskGuard();

  Health health() const;
  // Looks at the disk when the last look is older than a fifth of a second.
  Result<> admits();
  bool writable() const { return writable_; }

  // From the writer: SQLite found no room. True when the reserve gave some back and another try is worth it.
  bool found_no_room();
  // For good. A later one does not replace an earlier one.
  void stop_writing(Health why);

  // On the loop: told each change, there. One observer.
  void observe(std::function<void(const Health&)> observer);

 private:
  void look();
  void change(Health to);  // with the lock held
  void poll();             // on the loop
  std::string full_reason(const Space& space) const;

  Loop& loop_;
  const DiskGuardOptions options_;
  std::uint64_t free_bytes_min_ = 0;

  mutable std::mutex mutex_;
  Reserve reserve_;
  Health health_;
  std::atomic<bool> writable_{true};
  std::atomic<std::int64_t> looked_at_ms_{0};

  struct OnLoop {
    bool alive = true;
    std::function<void(const Health&)> observer;
    std::unique_ptr<Loop::Handle> timer;
  };
  std::shared_ptr<OnLoop> on_loop_ = std::make_shared<OnLoop>();
};

Space space_of(const std::filesystem::path& directory);

}  // namespace quarterdeck::store::sqlite
