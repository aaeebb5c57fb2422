#include "store/open.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "store/sqlite/data_lock.hpp"
#include "store/sqlite/disk_guard.hpp"
#include "store/sqlite/filesystem.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/quarantine.hpp"
#include "store/sqlite/reader.hpp"
#include "store/sqlite/restore.hpp"
#include "store/sqlite/soundness.hpp"
#include "store/sqlite/writer.hpp"

namespace quarterdeck::store {
namespace {

using sqlite::Access;
using sqlite::Connection;
using sqlite::DatabaseFile;
using sqlite::SqlFailure;

class SqliteStore final : public Store {
 public:
  SqliteStore(UniqueFd lock, Loop& loop, Clock& clock, Random& random, const SqliteOptions& options,
              std::unique_ptr<Connection> connection, DatabaseFile file, Seq last_seq, Health health)
      : lock_(std::move(lock)),
        guard_(loop,
               {.directory = options.directory,
                .reserve_bytes = static_cast<std::uint64_t>(options.executor ? 0 : options.reserve_bytes_max),
                .free_bytes_min = static_cast<std::uint64_t>(options.executor ? 0 : options.free_bytes_min),
                .space = {}},
               std::move(health)),
        writer_(loop, clock, random, options, std::move(connection), last_seq, guard_),
        reader_(file) {
    if (options.executor || options.check_after_ms < 0) return;
    soundness_.emplace(file, options.directory / "quarterdeck.db", options.check_after_ms, guard_);
  }

  EventStore& events() override { return writer_; }
  Query& query() override { return reader_; }
  Health health() override {
    [[maybe_unused]] const auto looked = guard_.admits();
    return guard_.health();
  }

 private:
  UniqueFd lock_;  // let go of last
  sqlite::DiskGuard guard_;
  sqlite::Writer writer_;
  sqlite::Reader reader_;
  std::optional<sqlite::SoundnessCheck> soundness_;
};

struct Opened {
  std::unique_ptr<Connection> connection;
  DatabaseFile file;
  Health health;
};

bool is_damage(const SqlFailure& failure) {
  const int kind = failure.code & 0xff;
  return kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
}

// What is left when the file cannot be read at all: an empty database in memory, which nobody can write.
Result<Opened> open_nothing(const std::filesystem::path& path, const SqlFailure& why) {
  static std::atomic<int> count{0};
  DatabaseFile file{fmt::format("file:/quarterdeck-{}-{}?vfs=memdb", ::getpid(), ++count), {}};
  TRY(auto connection, Connection::open(file, Access::read_write));
  TRY_VOID(sqlite::migrate(*connection, {}));
  return Opened{std::move(connection), std::move(file), sqlite::damaged(path, why.what())};
}

// A full disk has no room for the -shm file, and a read-only one cannot hold it: the index of the log is then kept in
// memory. Without a log nothing but the file itself is needed.
Result<Opened> open_connection(const std::filesystem::path& directory, const std::filesystem::path& path) {
  std::error_code ignored;
  const bool has_log = std::filesystem::exists(path.string() + "-wal", ignored);
  std::vector<DatabaseFile> ways = {{path.string(), ""}, {path.string(), "unix-excl"}};
  if (!has_log) ways.push_back({"file:" + path.string() + "?immutable=1", ""});
  std::optional<SqlFailure> failure;
  for (DatabaseFile& way : ways) {
    auto connection = Connection::try_open(way, Access::read_write);
    if (!connection) {
      failure = connection.error();
      if (is_damage(*failure)) return open_nothing(path, *failure);
      continue;
    }
    Health health;
    if (const auto note = sqlite::damage_note(directory)) {
      health = sqlite::damaged(path, *note);
    } else if (!(*connection)->writable()) {
      health = {Health::State::read_only,
                fmt::format("{} cannot be written (a read-only file system, or rights). Sessions can be read; to "
                            "work again, make it writable and start again",
                            path.string())};
    } else if (failure) {
      // The first way failed: no room. The guard finds out when there is.
      health = {Health::State::full, fmt::format("The disk is full: {} ({}). Nothing is lost; free some space",
                                                 directory.string(), failure->what())};
    }
    return Opened{std::move(*connection), std::move(way), std::move(health)};
  }
  return std::unexpected(to_error(*failure).in("opening {}", path.string()));
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(Loop& loop, Clock& clock, Random& random, SqliteOptions options) {
  const auto path = options.directory / "quarterdeck.db";
  TRY_VOID(sqlite::make_private(options.directory, path));
  if (const auto network = sqlite::network_file_system(options.directory); network && !options.allow_network) {
    return fail(ErrorCode::invalid,
                "{} is on a network file system ({}), where SQLite databases get corrupt. Put XDG_DATA_HOME on a local "
                "disk, or set QUARTERDECK_ALLOW_NETWORK_FILESYSTEM=1 if you know that only this machine uses it",
                options.directory.string(), *network);
  }
  TRY(UniqueFd lock, sqlite::lock_directory(options.directory, "another server"));
  failpoint::reach("store.open.locked");
  TRY_VOID(sqlite::finish_restore(options.directory));
  // Somebody moved the damaged file away: that is how to begin anew.
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && status.st_size == 0) sqlite::forget_damage(options.directory);

  TRY(Opened opened, open_connection(options.directory, path));
  failpoint::reach("store.open.connected");
  Seq last_seq = 0;
  try {
    if (opened.health.state == Health::State::ok || opened.health.state == Health::State::full) {
      TRY_VOID(sqlite::migrate(*opened.connection, {.backups = options.directory / "backups"}));
    }
    if (options.size_bytes_max > 0) {
      const std::int64_t page_bytes = opened.connection->integer("PRAGMA page_size").value_or(4096);
      opened.connection->execute(fmt::format("PRAGMA max_page_count={}", options.size_bytes_max / page_bytes));
    }
    last_seq = opened.connection->integer("SELECT max(seq) FROM event").value_or(0);
  } catch (const SqlFailure& failure) {
    if (!is_damage(failure)) return std::unexpected(sqlite::to_error(failure).in("opening {}", path.string()));
    opened.health = sqlite::damaged(path, failure.what());
  }
  failpoint::reach("store.open.migrated");
  // Closing the last connection would write the log back into the file.
  if (opened.health.state == Health::State::corrupt) {
    sqlite3_db_config(opened.connection->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  return std::make_unique<SqliteStore>(std::move(lock), loop, clock, random, options, std::move(opened.connection),
                                       std::move(opened.file), last_seq, std::move(opened.health));
}

}  // namespace quarterdeck::store
