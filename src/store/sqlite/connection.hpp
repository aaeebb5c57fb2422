// SQLite by its C API: one connection, its prepared statements, rows. Not thread-safe: one thread at a time.
// SQL failures are exceptions inside this folder, because every statement can fail and the answer is always the same
// (roll back, report); the writer and the reader turn them into errors at their edge.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/id.hpp"
#include "base/result.hpp"

namespace quarterdeck::store::sqlite {

struct SqlFailure : std::runtime_error {
  SqlFailure(int sqlite_code, const std::string& message) : std::runtime_error(message), code(sqlite_code) {}
  int code;
};
Error to_error(const SqlFailure& failure);

// A statement in use: bound, stepped, and given back (reset) when it goes out of scope.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) : statement_(statement) {}
  Rows(Rows&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  bool next();  // false at the end
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  bool null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  // Valid until the next row.
  std::string_view text(int column) const;

  void bind(int index, std::int64_t value);
  // The text must outlive this object.
  void bind(int index, std::string_view value);
  void bind(int index, std::nullptr_t);
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind(index, nullptr);
    }
  }
  template <class Tag>
  void bind(int index, const Id<Tag>& id) {
    bind(index, std::string_view(id.value));
  }

 private:
  sqlite3_stmt* statement_;
};

inline constexpr int kBusyTimeoutMs = 5'000;

enum class Access { read_write, read_only };

// What to open, and how SQLite is to reach it.
struct DatabaseFile {
  std::string name;           // a path, or a URI (file:…)
  std::string vfs;            // "" = SQLite's choice; "unix-excl" keeps the index of the log in memory: no -shm file
};

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const DatabaseFile& file, Access access);
  // The same, with SQLite's own code for who can do something about it.
  static std::expected<std::unique_ptr<Connection>, SqlFailure> try_open(const DatabaseFile& file, Access access);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `sql` is a string literal: statements are kept by its address. Bound texts must outlive the rows.
  template <class... Args>
  Rows rows(const char* sql, const Args&... args) {
    Rows bound(prepared(sql));
    int index = 0;
    (bound.bind(++index, args), ...);
    return bound;
  }
  template <class... Args>
  void run(const char* sql, const Args&... args) {
    Rows bound(prepared(sql));
    int index = 0;
    (bound.bind(++index, args), ...);
    bound.next();
  }
  // The first column of the first row.
  template <class... Args>
  std::optional<std::int64_t> integer(const char* sql, const Args&... args) {
    Rows bound(prepared(sql));
    int index = 0;
    (bound.bind(++index, args), ...);
    if (!bound.next() || bound.null(0)) return std::nullopt;
    return bound.integer(0);
  }
  // Several statements without parameters, not kept.
  void execute(const std::string& sql);
  std::int64_t changes() const { return sqlite3_changes64(database_); }
  bool writable() const { return sqlite3_db_readonly(database_, "main") == 0; }
  sqlite3* handle() const { return database_; }
  bool in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

 private:
  explicit Connection(sqlite3* database) : database_(database) {}
  sqlite3_stmt* prepared(const char* sql);

  sqlite3* database_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace quarterdeck::store::sqlite
