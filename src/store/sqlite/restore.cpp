#include "store/sqlite/restore.hpp"

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "store/maintenance.hpp"
#include "store/sqlite/copy.hpp"
#include "store/sqlite/data_lock.hpp"
#include "store/sqlite/filesystem.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/quarantine.hpp"
#include "store/sqlite/soundness.hpp"

namespace quarterdeck::store {
namespace {

namespace fs = std::filesystem;
using namespace sqlite;

struct Contents {
  std::int64_t sessions = 0;
  std::int64_t last_seq = 0;
};

// What is put in place must be ours, known and sound.
Result<Contents> examine(Connection& sql, const fs::path& file) {
  try {
    const auto schema = sql.integer("PRAGMA user_version").value_or(0);
    const bool ours = sql.integer("SELECT count(*) FROM sqlite_master WHERE name IN ('event','session','part')") == 3;
    if (!ours || schema < 1) {
      return fail(ErrorCode::invalid, "{} is a database, but not one of Quarterdeck's", file.string());
    }
    if (schema > std::ssize(schema_steps())) {
      return fail(ErrorCode::invalid, "{} has schema version {}, this version of Quarterdeck knows up to {}",
                  file.string(), schema, schema_steps().size());
    }
    if (const auto damage = first_damage(sql, [] { return false; })) {
      return fail(ErrorCode::invalid, "{} is damaged: {}", file.string(), *damage);
    }
    return Contents{.sessions = sql.integer("SELECT count(*) FROM session").value_or(0),
                    .last_seq = sql.integer("SELECT max(seq) FROM event").value_or(0)};
  } catch (const SqlFailure& failure) {
    return fail(ErrorCode::invalid, "{} is not a sound database: {}", file.string(), failure.what());
  }
}

// A second name for the old files, which are then taken out of the way.
Result<fs::path> keep_old(const fs::path& directory, const fs::path& database) {
  std::error_code error;
  if (!fs::exists(database, error) || fs::file_size(database, error) == 0) return fs::path();
  TRY_VOID(make_private_directory(directory / "backups"));
  const fs::path kept = new_file(directory / "backups", "replaced");
  fs::create_hard_link(database, kept, error);
  if (error) return fail(ErrorCode::unavailable, "keeping {}: {}", database.string(), error.message());
  const fs::path log = database.string() + "-wal";
  if (fs::exists(log, error)) fs::create_hard_link(log, kept.string() + "-wal", error);
  if (error) return fail(ErrorCode::unavailable, "keeping {}: {}", log.string(), error.message());
  return kept;
}

}  // namespace

Result<> sqlite::finish_restore(const fs::path& directory) {
  const fs::path database = directory / "quarterdeck.db";
  const fs::path decided = directory / "quarterdeck.db.restored";
  std::error_code error;
  if (!fs::exists(decided, error)) return {};
  // The old log must not be applied to the new file.
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(database.string() + suffix, error);
  if (error) return fail(ErrorCode::unavailable, "restoring {}: {}", database.string(), error.message());
  TRY_VOID(sync_directory(directory));
  failpoint::reach("store.restore.log_removed");
  forget_damage(directory);
  fs::rename(decided, database, error);
  if (error) return fail(ErrorCode::unavailable, "restoring {}: {}", database.string(), error.message());
  failpoint::reach("store.restore.renamed");
  TRY_VOID(sync_directory(directory));
  log::info("the restored database is in place");
  return {};
}

Result<RestoreReport> restore(const fs::path& data, const fs::path& from, const OnProgress& on_progress) {
  std::error_code error;
  if (!fs::is_regular_file(from, error)) return fail(ErrorCode::not_found, "{}: no such file", from.string());
  TRY_VOID(make_private_directory(data));
  TRY(const UniqueFd lock, lock_directory(data, "quarterdeck restore"));
  TRY_VOID(finish_restore(data));

  auto source = open_to_read(from);
  if (!source) return fail(ErrorCode::invalid, "{} is not a sound database: {}", from.string(), source.error().what());
  TRY(const Contents contents, examine(**source, from));

  const fs::path database = data / "quarterdeck.db";
  const fs::path copy = data / "quarterdeck.db.restoring";
  fs::remove(copy, error);
  TRY_VOID(copy_database(**source, copy, on_progress));
  failpoint::reach("store.restore.copied");
  RestoreReport report{.sessions = contents.sessions, .last_seq = contents.last_seq};
  TRY(report.replaced, keep_old(data, database));
  failpoint::reach("store.restore.kept_old");
  fs::rename(copy, data / "quarterdeck.db.restored", error);
  if (error) return fail(ErrorCode::unavailable, "restoring {}: {}", database.string(), error.message());
  TRY_VOID(sync_directory(data));
  failpoint::reach("store.restore.decided");
  TRY_VOID(finish_restore(data));
  return report;
}

}  // namespace quarterdeck::store
