#include "store/sqlite/copy.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/failpoint.hpp"
#include "base/unique_fd.hpp"
#include "store/sqlite/filesystem.hpp"

namespace quarterdeck::store::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr int kPagesAStep = 1024;

struct Discard {
  fs::path file;
  ~Discard() {
    std::error_code ignored;
    if (!file.empty()) fs::remove(file, ignored);
  }
};

void copy_pages(Connection& from, sqlite3* to, const OnProgress& on_progress) {
  const auto page_bytes = static_cast<std::uint64_t>(from.integer("PRAGMA page_size").value_or(4096));
  sqlite3_backup* backup = sqlite3_backup_init(to, "main", from.handle(), "main");
  if (!backup) throw SqlFailure(sqlite3_errcode(to), sqlite3_errmsg(to));
  int code = SQLITE_OK;
  while ((code = sqlite3_backup_step(backup, kPagesAStep)) == SQLITE_OK) {
    failpoint::reach("store.backup.pages");
    const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup));
    const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(backup));
    if (on_progress) on_progress((total - left) * page_bytes, total * page_bytes);
  }
  const auto total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup));
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) {
    const int system = sqlite3_system_errno(to);
    throw SqlFailure((code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT) ? SQLITE_FULL : code,
                     fmt::format("copying: {}", sqlite3_errstr(code)));
  }
  if (on_progress) on_progress(total * page_bytes, total * page_bytes);
}

}  // namespace

Result<> copy_database(Connection& from, const fs::path& to, const OnProgress& on_progress) {
  std::error_code error;
  if (fs::exists(to, error)) return fail(ErrorCode::conflict, "{} exists", to.string());
  const fs::path part = to.string() + ".part";
  fs::remove(part, error);
  const UniqueFd file(::open(part.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return fail(errno == ENOSPC ? ErrorCode::no_space : ErrorCode::unavailable, "writing {}: {}", part.string(),
                std::strerror(errno));
  }
  Discard discard{part};
  failpoint::reach("store.backup.begun");
  sqlite3* target = nullptr;
  const int opened = sqlite3_open_v2(part.c_str(), &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> closing(target, &sqlite3_close);
  const bool was_in_transaction = from.in_transaction();
  try {
    if (opened != SQLITE_OK) throw SqlFailure(opened, fmt::format("opening {}", part.string()));
    sqlite3_exec(target, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;", nullptr, nullptr, nullptr);
    // One moment of the source, however long it takes and whoever writes meanwhile.
    if (!was_in_transaction) from.execute("BEGIN; SELECT 1 FROM sqlite_master LIMIT 1;");
    copy_pages(from, target, on_progress);
    if (!was_in_transaction) from.execute("COMMIT");
  } catch (const SqlFailure& failure) {
    if (!was_in_transaction && from.in_transaction()) from.execute("ROLLBACK");
    return std::unexpected(to_error(failure).in("writing {}", to.string()));
  }
  if (::fsync(file.get()) != 0) {
    return fail(ErrorCode::unavailable, "syncing {}: {}", part.string(), std::strerror(errno));
  }
  failpoint::reach("store.backup.synced");
  if (::rename(part.c_str(), to.c_str()) != 0) {
    return fail(ErrorCode::unavailable, "renaming {}: {}", part.string(), std::strerror(errno));
  }
  discard.file.clear();
  failpoint::reach("store.backup.renamed");
  return sync_directory(to.has_parent_path() ? to.parent_path() : fs::path("."));
}

std::expected<std::unique_ptr<Connection>, SqlFailure> open_to_read(const fs::path& path) {
  std::error_code error;
  const bool has_log = fs::exists(path.string() + "-wal", error);
  std::vector<DatabaseFile> ways = {{path.string(), ""}, {path.string(), "unix-excl"}};
  const DatabaseFile unchanged{"file:" + path.string() + "?immutable=1", ""};
  if (!has_log) ways.push_back(unchanged);
  std::optional<SqlFailure> failure;
  for (const DatabaseFile& way : ways) {
    auto opened = Connection::try_open(way, Access::read_only);
    if (opened) return opened;
    if (!failure) failure = opened.error();
  }
  return std::unexpected(*failure);
}

}  // namespace quarterdeck::store::sqlite
