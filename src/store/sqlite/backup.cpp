#include <sys/stat.h>

#include "store/maintenance.hpp"
#include "store/sqlite/copy.hpp"
#include "store/sqlite/filesystem.hpp"
#include "store/sqlite/quarantine.hpp"
#include "store/sqlite/soundness.hpp"

namespace quarterdeck::store {

namespace fs = std::filesystem;
using namespace sqlite;

Result<BackupReport> backup(const fs::path& data, fs::path to, const OnProgress& on_progress) {
  const fs::path database = data / "quarterdeck.db";
  std::error_code error;
  if (!fs::exists(database, error)) return fail(ErrorCode::not_found, "{}: no database there", database.string());
  if (to.empty()) {
    TRY_VOID(make_private_directory(data / "backups"));
    to = new_file(data / "backups", "quarterdeck");
  }
  if (fs::is_directory(to, error)) to = new_file(to, "quarterdeck");
  auto source = open_to_read(database);
  if (!source) return std::unexpected(to_error(source.error()));
  TRY_VOID(copy_database(**source, to, on_progress));

  // A copy of a damaged database is no backup.
  BackupReport report{.file = to, .bytes = fs::file_size(to, error)};
  auto copy = open_to_read(to);
  try {
    if (!copy) throw copy.error();
    if (const auto damage = first_damage(**copy, [] { return false; })) {
      throw SqlFailure(SQLITE_CORRUPT, *damage);
    }
    report.sessions = (*copy)->integer("SELECT count(*) FROM session").value_or(0);
    report.last_seq = (*copy)->integer("SELECT max(seq) FROM event").value_or(0);
  } catch (const SqlFailure& failure) {
    return std::unexpected(to_error(failure).in("checking the copy {}", to.string()));
  }
  return report;
}

}  // namespace quarterdeck::store
