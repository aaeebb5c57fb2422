// PRAGMA quick_check in the background, some time after the start: table by table, so that no read stands in the way of
// checkpoints for long, at low priority. What it finds stops the writing and is kept (quarantine.hpp).
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "store/sqlite/connection.hpp"
#include "store/sqlite/disk_guard.hpp"

namespace quarterdeck::store::sqlite {

class SoundnessCheck {
 public:
  SoundnessCheck(DatabaseFile file, std::filesystem::path path, std::int64_t delay_ms, DiskGuard& guard);
  ~SoundnessCheck();  // a check that is under way ends early

 private:
  void run(std::int64_t delay_ms);

  const DatabaseFile file_;
  const std::filesystem::path path_;
  DiskGuard& guard_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

// The first thing that is wrong; none when the database is sound. `stop` is asked now and then and ends it early (none).
// Throws SqlFailure.
std::optional<std::string> first_damage(Connection& sql, const std::function<bool()>& stop);

}  // namespace quarterdeck::store::sqlite
