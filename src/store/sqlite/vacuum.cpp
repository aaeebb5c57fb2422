#include "base/failpoint.hpp"
#include "store/maintenance.hpp"
#include "store/sqlite/copy.hpp"
#include "store/sqlite/data_lock.hpp"
#include "store/sqlite/disk_guard.hpp"
#include "store/sqlite/restore.hpp"

namespace quarterdeck::store {

namespace fs = std::filesystem;
using namespace sqlite;

namespace {

struct Watch {
  const OnProgress& on_progress;
  std::uint64_t looks = 0;
};
int tell(void* watch) {
  auto& to = *static_cast<Watch*>(watch);
  to.on_progress(++to.looks, 0);  // SQLite does not say how much is left
  return 0;
}

}  // namespace

Result<VacuumReport> vacuum(const fs::path& data, const OnProgress& on_progress) {
  const fs::path database = data / "quarterdeck.db";
  std::error_code error;
  if (!fs::exists(database, error)) return fail(ErrorCode::not_found, "{}: no database there", database.string());
  TRY(const UniqueFd lock, lock_directory(data, "quarterdeck vacuum"));
  TRY_VOID(finish_restore(data));
  TRY(auto sql, Connection::open({database.string(), ""}, Access::read_write));
  try {
    VacuumReport report;
    sql->execute("PRAGMA wal_checkpoint(TRUNCATE)");
    report.bytes_before = fs::file_size(database, error);
    // A new file, then the log of its pages: both at once, at the worst.
    const std::uint64_t needed = report.bytes_before * 2 + 1'000'000;
    const std::uint64_t free = space_of(data).free_bytes;
    if (free < needed) {
      return fail(ErrorCode::no_space, "{} has {} MB free; to rewrite the database up to {} MB are needed",
                  data.string(), free / 1'000'000, needed / 1'000'000);
    }
    Watch watch{on_progress};
    if (on_progress) sqlite3_progress_handler(sql->handle(), 1'000'000, &tell, &watch);
    failpoint::reach("store.vacuum.before");
    sql->execute("VACUUM");
    sqlite3_progress_handler(sql->handle(), 0, nullptr, nullptr);
    sql->execute("PRAGMA wal_checkpoint(TRUNCATE)");
    failpoint::reach("store.vacuum.after");
    report.bytes_after = fs::file_size(database, error);
    return report;
  } catch (const SqlFailure& failure) {
    return std::unexpected(to_error(failure).in("rewriting {}", database.string()));
  }
}

}  // namespace quarterdeck::store
