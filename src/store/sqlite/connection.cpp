#include "store/sqlite/connection.hpp"

#include <sys/stat.h>

#include <cerrno>

namespace quarterdeck::store::sqlite {
namespace {

// Pages that a connection keeps. The kernel has the file in its own cache, so a miss is a copy, not a wait; and there
// are up to nine connections.
constexpr int kCacheKb = 2048;
constexpr std::int64_t kCachesBytesMax = 12 * 1024 * 1024;  // of all connections together

[[noreturn]] void fail_sql(sqlite3* database, std::string_view doing) {
  int code = sqlite3_extended_errcode(database);
  // A quota that is used up is a full disk, which SQLite tells for ENOSPC only.
  const int system = (code & 0xff) == SQLITE_IOERR ? sqlite3_system_errno(database) : 0;
  if (system == ENOSPC || system == EDQUOT) code = SQLITE_FULL;
  throw SqlFailure(code, fmt::format("{}: {}", doing, sqlite3_errmsg(database)));
}

}  // namespace

Error to_error(const SqlFailure& failure) {
  switch (failure.code & 0xff) {
    case SQLITE_FULL: return {ErrorCode::no_space, "The disk is full", {}};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {
          ErrorCode::unavailable, "another program keeps the database locked (an open sqlite3 shell?); try again", {}};
    case SQLITE_READONLY:
      return {ErrorCode::unavailable, fmt::format("the database cannot be written: {}", failure.what()), {}};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return {ErrorCode::unavailable, fmt::format("the database is damaged: {}", failure.what()), {}};
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
    case SQLITE_ERROR: return {ErrorCode::internal, failure.what(), {}};
    default: return {ErrorCode::unavailable, fmt::format("database: {}", failure.what()), {}};
  }
}

Rows::~Rows() {
  if (!statement_) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  fail_sql(sqlite3_db_handle(statement_), sqlite3_sql(statement_));
}

std::string_view Rows::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return bytes ? std::string_view(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
               : std::string_view();
}

void Rows::bind(int index, std::int64_t value) { sqlite3_bind_int64(statement_, index, value); }
void Rows::bind(int index, std::string_view value) {
  const char* bytes = value.data() ? value.data() : "";
  sqlite3_bind_text64(statement_, index, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}
void Rows::bind(int index, std::nullptr_t) { sqlite3_bind_null(statement_, index); }

std::expected<std::unique_ptr<Connection>, SqlFailure> Connection::try_open(const DatabaseFile& file, Access access) {
  // Beyond it a cache reuses its own oldest page instead of growing.
  sqlite3_soft_heap_limit64(kCachesBytesMax);
  sqlite3* database = nullptr;
  // Ours are one connection per thread at a time, so SQLite's own mutexes are off.
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI |
                    (access == Access::read_write ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(file.name.c_str(), &database, flags, file.vfs.empty() ? nullptr : file.vfs.c_str());
  std::unique_ptr<Connection> connection(new Connection(database));
  if (code != SQLITE_OK) {
    return std::unexpected(
        SqlFailure(code, fmt::format("opening {}: {}", file.name, database ? sqlite3_errmsg(database) : "no memory")));
  }
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
  try {
    connection->execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
        "PRAGMA cell_size_check=ON; PRAGMA journal_size_limit=16777216; PRAGMA wal_autocheckpoint=1000;"
        "PRAGMA temp_store=MEMORY;");
    connection->execute(fmt::format("PRAGMA cache_size=-{};", kCacheKb));
    if (access == Access::read_only) connection->execute("PRAGMA query_only=ON;");
  } catch (const SqlFailure& failure) {
    return std::unexpected(failure);
  }
  return connection;
}

Result<std::unique_ptr<Connection>> Connection::open(const DatabaseFile& file, Access access) {
  auto opened = try_open(file, access);
  if (!opened) return std::unexpected(to_error(opened.error()).in("opening {}", file.name));
  return std::move(*opened);
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

sqlite3_stmt* Connection::prepared(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (!statement &&
      sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    fail_sql(database_, sql);
  }
  return statement;
}

void Connection::execute(const std::string& sql) {
  // Several statements may be long; what SQLite says is enough to know which.
  if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail_sql(database_, sql.substr(0, sql.find(';')));
  }
}

}  // namespace quarterdeck::store::sqlite
