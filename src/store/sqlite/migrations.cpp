#include "store/sqlite/migrations.hpp"

#include <array>

namespace quarterdeck::store::sqlite {
namespace {

// Steps that were released are never edited; a change is a new step. A new event version rewrites the stored bodies
// through its upcaster here, so that readers relay them as they are.
constexpr std::array kSteps = {
    R"sql(
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
)sql",
    // Requests with an idempotency key; what they did is in the event `seq`.
    R"sql(
CREATE TABLE used_key (
  key     TEXT PRIMARY KEY,
  seq     INTEGER NOT NULL UNIQUE,
  session INTEGER NOT NULL REFERENCES session (key),
  time    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX used_key_by_time ON used_key (time);
CREATE INDEX used_key_by_session ON used_key (session);
)sql",
};

}  // namespace

Result<> migrate(Connection& connection) {
  try {
    const std::int64_t version = connection.integer("PRAGMA user_version").value_or(0);
    if (version > std::ssize(kSteps)) {
      return fail(ErrorCode::invalid,
                  "the database has schema version {}, this server knows up to {}: it was written by a newer version",
                  version, kSteps.size());
    }
    for (auto step = static_cast<std::size_t>(version); step < kSteps.size(); ++step) {
      connection.execute(fmt::format("BEGIN IMMEDIATE;{}PRAGMA user_version={};COMMIT;", kSteps[step], step + 1));
    }
  } catch (const SqlFailure& failure) {
    if (connection.in_transaction()) connection.execute("ROLLBACK");
    return std::unexpected(to_error(failure).in("preparing the database"));
  }
  return {};
}

}  // namespace quarterdeck::store::sqlite
