#include "store/sqlite/soundness.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>

#include "base/log.hpp"
#include "store/sqlite/quarantine.hpp"

namespace quarterdeck::store::sqlite {
namespace {

constexpr int kInstructionsBetweenLooks = 100'000;
constexpr int kLowPriority = 10;

int stop_asked(void* stop) { return (*static_cast<const std::function<bool()>*>(stop))() ? 1 : 0; }

}  // namespace

std::optional<std::string> first_damage(Connection& sql, const std::function<bool()>& stop) {
  sqlite3_progress_handler(sql.handle(), kInstructionsBetweenLooks, &stop_asked,
                           const_cast<std::function<bool()>*>(&stop));
  struct Unset {
    sqlite3* handle;
    ~Unset() { sqlite3_progress_handler(handle, 0, nullptr, nullptr); }
  } const unset{sql.handle()};
  try {
    std::vector<std::string> tables;
    for (Rows rows = sql.rows("SELECT name FROM sqlite_master WHERE type = 'table'"); rows.next();) {
      tables.emplace_back(rows.text(0));
    }
    for (const std::string& table : tables) {
      if (stop()) return std::nullopt;
      Rows rows = sql.rows("SELECT quick_check FROM pragma_quick_check WHERE arg = ? LIMIT 1", std::string_view(table));
      if (rows.next() && rows.text(0) != "ok") return std::string(rows.text(0));
    }
  } catch (const SqlFailure& failure) {
    if ((failure.code & 0xff) == SQLITE_INTERRUPT) return std::nullopt;
    if ((failure.code & 0xff) == SQLITE_CORRUPT || (failure.code & 0xff) == SQLITE_NOTADB) return failure.what();
    throw;
  }
  return std::nullopt;
}

SoundnessCheck::SoundnessCheck(DatabaseFile file, std::filesystem::path path, std::int64_t delay_ms, DiskGuard& guard)
    : file_(std::move(file)), path_(std::move(path)), guard_(guard), thread_([this, delay_ms] { run(delay_ms); }) {}

SoundnessCheck::~SoundnessCheck() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void SoundnessCheck::run(std::int64_t delay_ms) {
  {
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, std::chrono::milliseconds(delay_ms), [this] { return stopping_.load(); })) return;
  }
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kLowPriority);
  try {
    auto connection = Connection::open(file_, Access::read_only);
    if (!connection) {
      log::warn("checking the database: {}", connection.error().message);
      return;
    }
    (*connection)->execute("PRAGMA cache_size=-1024");
    const auto damage = first_damage(**connection, [this] { return stopping_.load(); });
    if (stopping_) return;
    if (damage) {
      guard_.stop_writing(damaged(path_, *damage));
    } else if (guard_.health().state == Health::State::corrupt && damage_note(path_.parent_path())) {
      forget_damage(path_.parent_path());
      log::info("the database is sound again: start again to write");
    }
  } catch (const SqlFailure& failure) {
    log::warn("checking the database: {}", failure.what());
  }
}

}  // namespace quarterdeck::store::sqlite
