#include "store/open.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "store/sqlite/data_lock.hpp"
#include "store/sqlite/reader.hpp"
#include "store/sqlite/writer.hpp"

namespace quarterdeck::store {
namespace {

constexpr int kTombstonesMax = 10'000;

class SqliteStore final : public Store {
 public:
  SqliteStore(UniqueFd lock, Loop& loop, Clock& clock, Random& random, const SqliteOptions& options,
              std::unique_ptr<sqlite::Connection> connection, Seq last_seq)
      : lock_(std::move(lock)),
        writer_(loop, clock, random, options, std::move(connection), last_seq),
        reader_(options.directory / "quarterdeck.db") {}

  EventStore& events() override { return writer_; }
  Query& query() override { return reader_; }

 private:
  UniqueFd lock_;  // let go of last
  sqlite::Writer writer_;
  sqlite::Reader reader_;
};

Result<> make_private_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.has_parent_path()) std::filesystem::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(ErrorCode::unavailable, "making {}: {}", directory.string(), std::strerror(errno));
  }
  if (::chmod(directory.c_str(), 0700) != 0) {
    return fail(ErrorCode::unavailable, "protecting {}: {}", directory.string(), std::strerror(errno));
  }
  return {};
}

// SQLite gives its -wal and -shm files the mode of the database.
Result<> make_private_file(const std::filesystem::path& path) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid() || ::fchmod(file.get(), 0600) != 0) {
    return fail(ErrorCode::unavailable, "making {}: {}", path.string(), std::strerror(errno));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(Loop& loop, Clock& clock, Random& random, SqliteOptions options) {
  TRY_VOID(make_private_directory(options.directory));
  TRY(UniqueFd lock, sqlite::lock_directory(options.directory));
  const auto path = options.directory / "quarterdeck.db";
  TRY_VOID(make_private_file(path));
  TRY(auto connection, sqlite::Connection::open(path, sqlite::Access::read_write));
  TRY_VOID(sqlite::migrate(*connection));
  Seq last_seq = 0;
  try {
    if (options.size_bytes_max > 0) {
      const std::int64_t page_bytes = connection->integer("PRAGMA page_size").value_or(4096);
      connection->execute(fmt::format("PRAGMA max_page_count={}", options.size_bytes_max / page_bytes));
    }
    // Tombstones are for clients that were away; beyond these, a client reads the list again.
    connection->execute(
        fmt::format("DELETE FROM event WHERE session IS NULL AND seq <= "
                    "(SELECT seq FROM event WHERE session IS NULL ORDER BY seq DESC LIMIT 1 OFFSET {})",
                    kTombstonesMax));
    last_seq = connection->integer("SELECT max(seq) FROM event").value_or(0);
  } catch (const sqlite::SqlFailure& failure) {
    return std::unexpected(sqlite::to_error(failure).in("opening {}", path.string()));
  }
  return std::make_unique<SqliteStore>(std::move(lock), loop, clock, random, options, std::move(connection), last_seq);
}

}  // namespace quarterdeck::store
