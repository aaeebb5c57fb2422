#include "store/sqlite/replay.hpp"

#include <algorithm>
#include <array>

#include "store/sqlite/event_body.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/projector.hpp"
#include "wire/event.hpp"

namespace quarterdeck::store::sqlite {
namespace {

struct Reference {
  const char* what;
  const char* sql;  // selects what is wrong: one text a row
};

constexpr std::array kReferences = {
    Reference{"an event whose session is gone",
              "SELECT e.seq || ' ' || e.type FROM event e LEFT JOIN session s ON s.key = e.session "
              "WHERE e.session IS NOT NULL AND s.key IS NULL LIMIT 10"},
    Reference{"a session without its event",
              "SELECT s.id FROM session s LEFT JOIN event e ON e.seq = s.seq WHERE e.seq IS NULL LIMIT 10"},
    Reference{"a message without its event",
              "SELECT m.id FROM message m LEFT JOIN event e ON e.seq = m.seq AND e.entity = m.key "
              "WHERE e.seq IS NULL LIMIT 10"},
    Reference{"a part without its event",
              "SELECT p.id FROM part p LEFT JOIN event e ON e.seq = p.seq AND e.entity = p.key "
              "WHERE e.seq IS NULL LIMIT 10"},
    Reference{"streamed text without its event",
              "SELECT t.seq FROM tail t LEFT JOIN event e ON e.seq = t.seq AND e.entity = t.part "
              "WHERE e.seq IS NULL LIMIT 10"},
    Reference{"a message event that its message does not know",
              "SELECT e.seq FROM event e LEFT JOIN message m ON m.key = e.entity AND m.seq = e.seq "
              "WHERE e.type = 'message.updated' AND m.key IS NULL LIMIT 10"},
    Reference{"a part event that its part does not know",
              "SELECT e.seq FROM event e LEFT JOIN part p ON p.key = e.entity AND p.seq = e.seq "
              "WHERE e.type = 'message.part.updated' AND p.key IS NULL LIMIT 10"},
    Reference{"a message whose session is gone",
              "SELECT m.id FROM message m LEFT JOIN session s ON s.key = m.session AND s.key = m.key >> 22 "
              "WHERE s.key IS NULL LIMIT 10"},
    Reference{"a part whose message is gone",
              "SELECT p.id FROM part p LEFT JOIN message m ON m.key = p.key >> 17 WHERE m.key IS NULL LIMIT 10"},
    Reference{"streamed text whose part is gone",
              "SELECT t.seq FROM tail t LEFT JOIN part p ON p.key = t.part WHERE p.key IS NULL LIMIT 10"},
    Reference{"a waiting prompt without its event",
              "SELECT i.message FROM inbox i LEFT JOIN event e ON e.seq = i.seq WHERE e.seq IS NULL LIMIT 10"},
    Reference{"a turn without its event",
              "SELECT t.message FROM turn t LEFT JOIN event e ON e.seq = t.seq WHERE e.seq IS NULL LIMIT 10"},
    Reference{"a request without its event",
              "SELECT r.id FROM request r LEFT JOIN event e ON e.seq = r.seq WHERE e.seq IS NULL LIMIT 10"},
    Reference{"a question without its event",
              "SELECT q.id FROM question q LEFT JOIN event e ON e.seq = q.seq WHERE e.seq IS NULL LIMIT 10"},
    Reference{"a record without its event",
              "SELECT r.kind || ' ' || r.key FROM record r LEFT JOIN event e ON e.seq = r.seq WHERE e.seq IS NULL "
              "LIMIT 10"},
    Reference{"a reference to a row that is gone",
              "SELECT \"table\" || ' ' || rowid FROM pragma_foreign_key_check LIMIT 10"},
};

// What a session is made of, as texts to compare. ?1 its key; ?2, ?3 its messages; ?4, ?5 its parts.
struct Rowset {
  const char* what;
  const char* sql;
};
constexpr std::array kRowsets = {
    Rowset{"session",
           "SELECT json_array(id, seq, directory, project, path, parent, title, created, updated, archived) "
           "FROM session WHERE key = ?1 AND ?2 AND ?3 AND ?4 AND ?5"},
    Rowset{"message",
           "SELECT json_array(id, seq, created, open) FROM message WHERE key BETWEEN ?2 AND ?3 AND ?1 AND ?4 AND ?5 "
           "ORDER BY id"},
    Rowset{"part",
           "SELECT json_array(m.id, p.id, p.seq, p.time, p.open, p.started) FROM part p JOIN message m ON m.key = "
           "p.key >> 17 WHERE p.key BETWEEN ?4 AND ?5 AND ?1 AND ?2 AND ?3 ORDER BY m.id, p.id"},
    Rowset{"streamed text",
           "SELECT json_array(p.id, t.seq, t.text) FROM tail t JOIN part p ON p.key = t.part WHERE t.part BETWEEN ?4 "
           "AND ?5 AND ?1 AND ?2 AND ?3 ORDER BY t.seq"},
    Rowset{"waiting prompt",
           "SELECT json_array(seq, message) FROM inbox WHERE session = ?1 AND ?2 AND ?3 AND ?4 AND ?5 ORDER BY seq"},
    Rowset{"turn", "SELECT json_array(seq, message, reason) FROM turn WHERE session = ?1 AND ?2 AND ?3 AND ?4 AND ?5"},
    Rowset{"open request",
           "SELECT json_array(id, seq) FROM request WHERE session = ?1 AND reply IS NULL AND ?2 AND ?3 AND ?4 AND ?5 "
           "ORDER BY id"},
    Rowset{
        "open question",
        "SELECT json_array(id, seq) FROM question WHERE session = ?1 AND open AND ?2 AND ?3 AND ?4 AND ?5 ORDER BY id"},
    Rowset{"record",
           "SELECT json_array(kind, key, seq, open) FROM record WHERE session = ?1 AND ?2 AND ?3 AND ?4 AND ?5 "
           "ORDER BY kind, key"},
    Rowset{"todo list", "SELECT json_array(seq) FROM todo WHERE session = ?1 AND ?2 AND ?3 AND ?4 AND ?5"},
};

std::vector<std::string> texts(Connection& sql, const char* query, std::int64_t session) {
  const KeyRange messages = messages_of(session);
  const KeyRange parts = parts_of_session(session);
  std::vector<std::string> found;
  Rows rows = sql.rows(query, session, messages.first, messages.last, parts.first, parts.last);
  while (rows.next()) found.emplace_back(rows.text(0));
  return found;
}

// The log keeps the newest event of each entity, so a message's may have a higher number than its parts'.
int rank(const domain::Event& event) {
  if (std::holds_alternative<domain::SessionCreated>(event)) return 0;
  if (std::holds_alternative<domain::MessageUpdated>(event)) return 1;
  if (std::holds_alternative<domain::PartUpdated>(event)) return 2;
  if (std::holds_alternative<domain::PartAppended>(event)) return 3;
  return 4;
}

struct Entry {
  domain::Event event;
  Stamp stamp;
  Seq seq = 0;
};

}  // namespace

void compare_references(Connection& sql, const OnProblem& on_problem) {
  for (const Reference& each : kReferences) {
    for (Rows rows = sql.rows(each.sql); rows.next();) on_problem(fmt::format("{}: {}", each.what, rows.text(0)));
  }
}

Replay::Replay(Connection& stored) : stored_(stored) {
  auto opened = Connection::try_open({":memory:", ""}, Access::read_write);
  if (!opened) throw opened.error();
  replayed_ = std::move(*opened);
  if (const auto made = migrate(*replayed_, {}); !made) throw SqlFailure(SQLITE_ERROR, made.error().message);
}

Replay::~Replay() = default;

void Replay::compare_session(std::int64_t key, const OnProblem& on_problem) {
  Batch where;
  {
    Rows session = stored_.rows("SELECT id, directory, project FROM session WHERE key = ?", key);
    if (!session.next()) return;  // deleted meanwhile
    where = {.session = {std::string(session.text(0))},
             .directory = std::string(session.text(1)),
             .project_id = std::string(session.text(2)),
             .events = {}};
  }
  const auto problem = [&](std::string text) { on_problem(fmt::format("session {}: {}", where.session.value, text)); };
  std::vector<Entry> entries;
  {
    Rows rows = stored_.rows(
        "SELECT seq, id, time, type, version, entity, body FROM event WHERE session = ? ORDER BY seq", key);
    while (rows.next()) {
      const Seq seq = rows.integer(0);
      TimeMs time = rows.integer(2);
      const std::string_view type = wire::static_type(rows.text(3));
      const std::string body = rows.null(6)
                                   ? entity_body(stored_, type, {seq, key, rows.integer(5)}, where.session.value, time)
                                   : std::string(rows.text(6));
      if (body.empty()) {
        problem(fmt::format("event {} ({}) has lost its body", seq, rows.text(3)));
        continue;
      }
      auto event = wire::decode_event(type, static_cast<int>(rows.integer(4)),
                                      wire::properties_of(type, where.session.value, body, time));
      if (!event) {
        problem(fmt::format("event {} ({}): {}", seq, rows.text(3), event.error().message));
        continue;
      }
      // What was created and renamed is left as one update.
      if (auto* updated = std::get_if<domain::SessionUpdated>(&*event)) {
        *event = domain::SessionCreated{std::move(updated->info)};
      }
      // What removed or answered something has nothing to act on: only the newest of everything is left.
      if (std::holds_alternative<domain::MessageRemoved>(*event) ||
          std::holds_alternative<domain::PartRemoved>(*event) ||
          std::holds_alternative<domain::PermissionReplied>(*event) ||
          std::holds_alternative<domain::QuestionReplied>(*event) ||
          std::holds_alternative<domain::QuestionRejected>(*event)) {
        continue;
      }
      entries.push_back({std::move(*event), {{std::string(rows.text(1))}, rows.integer(2)}, seq});
    }
  }
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(rank(entry.event), entry.seq); });

  replayed_->run("BEGIN");
  Projector projector(*replayed_);
  for (const Entry& entry : entries) {
    if (const auto applied = projector.apply(where, entry.event, entry.stamp, entry.seq); !applied) {
      problem(fmt::format("event {} cannot be replayed: {}", entry.seq, applied.error().message));
    }
  }
  const std::int64_t replayed_key = replayed_->integer("SELECT max(key) FROM session").value_or(0);
  for (const Rowset& each : kRowsets) {
    const auto stored = texts(stored_, each.sql, key);
    const auto replayed = texts(*replayed_, each.sql, replayed_key);
    if (stored == replayed) continue;
    const auto [left, right] = std::ranges::mismatch(stored, replayed);
    problem(fmt::format("{} is {}, its events say {}", each.what, left == stored.end() ? "missing" : *left,
                        right == replayed.end() ? "there is none" : *right));
  }
  replayed_->run("ROLLBACK");
}

}  // namespace quarterdeck::store::sqlite
