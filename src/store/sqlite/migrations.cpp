#include "store/sqlite/migrations.hpp"

#include <algorithm>
#include <array>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "store/sqlite/copy.hpp"
#include "store/sqlite/filesystem.hpp"
#include "store/sqlite/quarantine.hpp"

namespace quarterdeck::store::sqlite {
namespace {

constexpr const char* kFirstSchema = R"sql(
CREATE TABLE event (
  seq         INTEGER PRIMARY KEY,
  session     INTEGER,            -- null in the tombstone of a deleted session
  session_seq INTEGER NOT NULL,
  id          TEXT NOT NULL,
  time        INTEGER NOT NULL,
  type        TEXT NOT NULL,
  version     INTEGER NOT NULL,
  entity      INTEGER,            -- key of the message or part
  body        TEXT                -- null where the entity has it
);
CREATE INDEX event_session ON event (session, session_seq);

CREATE TABLE session (
  key       INTEGER PRIMARY KEY,
  seq       INTEGER NOT NULL,
  id        TEXT NOT NULL UNIQUE,
  directory TEXT NOT NULL,
  project   TEXT NOT NULL,
  path      TEXT NOT NULL,
  parent    TEXT,
  title     TEXT NOT NULL,
  created   INTEGER NOT NULL,
  updated   INTEGER NOT NULL,
  archived  INTEGER,
  body      TEXT NOT NULL
);
CREATE INDEX session_by_directory ON session (directory, updated);
CREATE INDEX session_by_project ON session (project, updated);
CREATE INDEX session_by_update ON session (updated);
CREATE INDEX session_by_parent ON session (parent) WHERE parent IS NOT NULL;

CREATE TABLE message (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  session INTEGER NOT NULL,
  created INTEGER NOT NULL,
  id      TEXT NOT NULL,
  open    INTEGER NOT NULL,       -- an assistant message that is not completed
  body    TEXT NOT NULL
);
CREATE UNIQUE INDEX message_by_id ON message (id, session);
CREATE INDEX message_by_time ON message (session, created, id);
CREATE INDEX message_open ON message (key) WHERE open;

CREATE TABLE part (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  time    INTEGER NOT NULL,       -- of its newest event
  id      TEXT NOT NULL,
  open    INTEGER NOT NULL,       -- a tool that has not ended, a text without end time
  started INTEGER,                -- seq of its ToolStarted
  body    TEXT NOT NULL
);
CREATE INDEX part_by_id ON part (id);
CREATE INDEX part_open ON part (key) WHERE open;

-- Text streamed into an open part since its newest event.
CREATE TABLE tail (
  part INTEGER NOT NULL,
  seq  INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (part, seq)
) WITHOUT ROWID;

CREATE TABLE request (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  session INTEGER NOT NULL REFERENCES session (key),
  id      TEXT NOT NULL UNIQUE,
  reply   TEXT,                   -- null while open
  body    TEXT NOT NULL
);
CREATE INDEX request_open ON request (session) WHERE reply IS NULL;
CREATE INDEX request_by_session ON request (session);

CREATE TABLE todo (
  session INTEGER PRIMARY KEY REFERENCES session (key),
  seq     INTEGER NOT NULL,
  body    TEXT NOT NULL
);

CREATE TABLE turn (
  session INTEGER PRIMARY KEY REFERENCES session (key),
  seq     INTEGER NOT NULL,
  message TEXT NOT NULL,
  reason  TEXT                    -- null while open
);
CREATE INDEX turn_open ON turn (session) WHERE reason IS NULL;

CREATE TABLE inbox (
  seq     INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES session (key),
  message TEXT NOT NULL
);
CREATE INDEX inbox_by_session ON inbox (session, message);

CREATE TABLE project (
  id      TEXT PRIMARY KEY,
  updated INTEGER NOT NULL,
  body    TEXT NOT NULL
);
)sql";

// Requests with an idempotency key; what they did is in the event `seq`.
constexpr const char* kUsedKeys = R"sql(
CREATE TABLE used_key (
  key     TEXT PRIMARY KEY,
  seq     INTEGER NOT NULL UNIQUE,
  session INTEGER NOT NULL REFERENCES session (key),
  time    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX used_key_by_time ON used_key (time);
CREATE INDEX used_key_by_session ON used_key (session);
)sql";

// Questions of agents, lasting rules, tasks in the background.
constexpr const char* kAgents = R"sql(
CREATE TABLE question (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  session INTEGER NOT NULL REFERENCES session (key),
  id      TEXT NOT NULL UNIQUE,
  call    TEXT,                   -- of the tool that asked
  open    INTEGER NOT NULL,
  answers TEXT,                   -- JSON; null when it was dismissed
  body    TEXT NOT NULL
);
CREATE INDEX question_by_call ON question (session, call);
CREATE INDEX question_open ON question (session) WHERE open;
CREATE INDEX question_by_session ON question (session);

-- What was answered "always". Outside a repository the directory tells what the project cannot.
CREATE TABLE saved_rule (
  id         TEXT PRIMARY KEY,
  project    TEXT NOT NULL,
  directory  TEXT NOT NULL,       -- empty where the project is a repository
  permission TEXT NOT NULL,
  pattern    TEXT NOT NULL,
  created    INTEGER NOT NULL,
  UNIQUE (project, directory, permission, pattern)
);

-- Tasks in the background whose result has not reached the session that asked.
ALTER TABLE session ADD COLUMN background INTEGER NOT NULL DEFAULT 0;
CREATE INDEX session_background ON session (key) WHERE background;
)sql";

// Documents beside sessions (domain/record.hpp).
constexpr const char* kRecords = R"sql(
CREATE TABLE record (
  session INTEGER NOT NULL REFERENCES session (key),
  kind    TEXT NOT NULL,
  key     TEXT NOT NULL,
  seq     INTEGER NOT NULL UNIQUE,
  open    INTEGER NOT NULL,
  body    TEXT NOT NULL,          -- the event's: {"sessionID","kind","key","open","body"}
  PRIMARY KEY (session, kind, key)
) WITHOUT ROWID;
CREATE INDEX record_by_key ON record (kind, key);
CREATE INDEX record_by_seq ON record (kind, seq);
CREATE INDEX record_open ON record (kind, seq) WHERE open;
)sql";

constexpr std::array kSteps = {
    Step{"the first schema", kFirstSchema},
    Step{"keys of requests that may be sent again", kUsedKeys},
    Step{"questions, lasting permissions, tasks in the background", kAgents},
    Step{"documents beside sessions", kRecords},
};

constexpr std::size_t kBackupsKept = 3;
constexpr std::string_view kBackupPrefix = "before-schema-";

// "before-schema-2-20261122T190102Z.db" sorts by time within a schema; the modification time orders all.
std::vector<std::filesystem::path> backups_in(const std::filesystem::path& directory) {
  std::vector<std::pair<std::filesystem::file_time_type, std::filesystem::path>> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().filename().string().starts_with(kBackupPrefix)) {
      found.emplace_back(entry.last_write_time(error), entry.path());
    }
  }
  std::ranges::sort(found, std::greater());
  std::vector<std::filesystem::path> paths;
  for (auto& [time, path] : found) paths.push_back(std::move(path));
  return paths;
}

Result<> back_up(Connection& connection, const std::filesystem::path& directory, std::size_t version) {
  TRY_VOID(make_private_directory(directory));
  const auto file = new_file(directory, fmt::format("{}{}", kBackupPrefix, version));
  failpoint::reach("store.migration.backup.begun");
  auto copied = copy_database(connection, file, {});
  if (!copied) return std::unexpected(std::move(copied).error().in("copying the database before it is updated"));
  failpoint::reach("store.migration.backup.copied");
  const auto all = backups_in(directory);
  std::error_code error;
  for (std::size_t i = kBackupsKept; i < all.size(); ++i) std::filesystem::remove(all[i], error);
  log::info("the database was copied to {} before it is updated", file.string());
  failpoint::reach("store.migration.backup.done");
  return {};
}

}  // namespace

std::span<const Step> schema_steps() { return kSteps; }

Result<> migrate(Connection& connection, const MigrateOptions& options) {
  try {
    const auto version = static_cast<std::size_t>(connection.integer("PRAGMA user_version").value_or(0));
    const std::size_t newest = options.steps.size();
    if (version > newest) {
      std::string hint;
      const auto copies = options.backups.empty() ? std::vector<std::filesystem::path>() : backups_in(options.backups);
      if (!copies.empty()) hint = fmt::format(" (or go back: quarterdeck restore {})", copies.front().string());
      return fail(ErrorCode::invalid,
                  "the database has schema version {}, this version of Quarterdeck knows up to {}: it was written by a "
                  "newer version. Install that version{}. Nothing was changed",
                  version, newest, hint);
    }
    if (version == newest) return {};
    if (version > 0 && !options.backups.empty()) TRY_VOID(back_up(connection, options.backups, version));
    failpoint::reach("store.migration.begin");
    connection.execute("BEGIN IMMEDIATE; PRAGMA defer_foreign_keys=ON;");
    for (std::size_t step = version; step < newest; ++step) {
      const Step& each = options.steps[step];
      if (version > 0) log::info("updating the database to version {}: {}", step + 1, each.what);
      connection.execute(each.sql);
      if (each.rewrite) each.rewrite(connection);
      failpoint::reach("store.migration.step");
    }
    connection.execute(fmt::format("PRAGMA user_version={}", newest));
    if (failpoint::fails("store.migration.commit.before")) {
      throw SqlFailure(SQLITE_IOERR_WRITE, "failpoint store.migration.commit.before");
    }
    connection.execute("COMMIT");
    failpoint::reach("store.migration.commit.after");
  } catch (const SqlFailure& failure) {
    if (connection.in_transaction()) connection.execute("ROLLBACK");
    if ((failure.code & 0xff) == SQLITE_CORRUPT || (failure.code & 0xff) == SQLITE_NOTADB) throw;
    return std::unexpected(to_error(failure).in("preparing the database"));
  }
  return {};
}

}  // namespace quarterdeck::store::sqlite
