#include "store/sqlite/reader.hpp"

#include <algorithm>
#include <limits>

#include "store/sqlite/event_body.hpp"
#include "store/sqlite/transcript.hpp"
#include "wire/event.hpp"
#include "wire/message.hpp"
#include "wire/permission.hpp"
#include "wire/project.hpp"
#include "wire/question.hpp"
#include "wire/session.hpp"

namespace quarterdeck::store::sqlite {
namespace {

std::string joined(Rows rows) {
  std::string out = "[";
  while (rows.next()) {
    if (out.size() > 1) out += ',';
    out += rows.text(0);
  }
  return out + "]";
}

template <class T>
Result<std::vector<T>> decoded(Rows rows, Result<T> (*decode)(std::string_view)) {
  std::vector<T> values;
  while (rows.next()) {
    TRY(T value, decode(rows.text(0)));
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::int64_t> session_key(Connection& sql, const SessionId& id) {
  if (const auto key = sql.integer("SELECT key FROM session WHERE id = ?", id)) return *key;
  return fail(ErrorCode::not_found, "Session not found: {}", id.value);
}

std::string like_pattern(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

// The texts differ in what leads the index and in the order; the filter is the same. Nothing is sorted but sessions of
// the same millisecond.
#define QD_SESSION_FILTER                                                                                     \
  " AND (?2 IS NULL OR project = ?2) AND (?3 IS NULL OR path = ?3) AND (?4 IS NULL OR (parent IS NULL) = ?4)" \
  " AND updated >= ?5 AND updated < ?6 AND (?7 IS NULL OR (archived IS NOT NULL) = ?7)"                       \
  " AND (?8 IS NULL OR title LIKE ?8 ESCAPE '\\')"
#define QD_SESSION_ORDERS(lead)                                                         \
  {"SELECT body FROM session " lead QD_SESSION_FILTER                                   \
   " AND ?9 IS NOT NULL AND ?10 IS NOT NULL ORDER BY updated DESC, key DESC LIMIT ?11", \
   "SELECT body FROM session " lead QD_SESSION_FILTER                                   \
   " AND (updated, id) < (?9, ?10) ORDER BY updated DESC, id DESC LIMIT ?11",           \
   "SELECT body FROM session " lead QD_SESSION_FILTER                                   \
   " AND (updated, id) > (?9, ?10) ORDER BY updated, "                                  \
   "id LIMIT ?11"}
constexpr const char* kSessionsOfDirectory[] = QD_SESSION_ORDERS("WHERE directory = ?1");
constexpr const char* kSessionsOfProject[] =
    QD_SESSION_ORDERS("INDEXED BY session_by_project WHERE project = ?2 AND ?1 IS NULL");
constexpr const char* kSessions[] = QD_SESSION_ORDERS("WHERE ?1 IS NULL");
#undef QD_SESSION_ORDERS
#undef QD_SESSION_FILTER

template <class Use>
auto filtered_sessions(Connection& sql, const SessionFilter& filter, Use use) {
  using Limits = std::numeric_limits<std::int64_t>;
  std::optional<std::string_view> directory, project, path;
  if (filter.directory) directory = *filter.directory;
  if (filter.project_id) project = *filter.project_id;
  if (filter.path) path = *filter.path;
  std::optional<std::int64_t> roots, archived;
  if (filter.roots) roots = *filter.roots;
  if (filter.archived) archived = *filter.archived;
  std::int64_t since = filter.updated_since.value_or(Limits::min());
  std::int64_t before = filter.updated_before.value_or(Limits::max());
  const std::string pattern = like_pattern(filter.search);
  std::optional<std::string_view> search;
  if (!filter.search.empty()) search = pattern;
  const SessionCursor start{filter.order == SessionOrder::oldest ? Limits::min() : Limits::max(), {}};
  const SessionCursor after = filter.after.value_or(start);
  // The index begins at the cursor, not at the list's end.
  if (filter.order == SessionOrder::oldest) since = std::max(since, after.updated);
  if (filter.order == SessionOrder::newest && after.updated < before) before = after.updated + 1;
  const std::int64_t limit = std::max<std::int64_t>(filter.limit, 0);
  const auto& texts = directory ? kSessionsOfDirectory : project ? kSessionsOfProject : kSessions;
  const char* text = texts[static_cast<std::size_t>(filter.order)];
  return use(
      sql.rows(text, directory, project, path, roots, since, before, archived, search, after.updated, after.id, limit));
}

domain::Delivery delivery_named(std::string_view name) {
  if (name == "steer") return domain::Delivery::steer;
  if (name == "interrupt") return domain::Delivery::interrupt;
  return domain::Delivery::queue;
}

domain::Reply reply_named(std::string_view name) {
  if (name == "always") return domain::Reply::always;
  if (name == "reject") return domain::Reply::reject;
  return domain::Reply::once;
}

constexpr const char* kChildren = "SELECT body FROM session WHERE parent = ? ORDER BY created, key";

}  // namespace

// ------------------------------------------------------------------------------------------------------- sessions

Result<std::string> Reader::session_json(const SessionId& id) {
  return connections_.read([&](Connection& sql) -> Result<std::string> {
    Rows rows = sql.rows("SELECT body FROM session WHERE id = ?", id);
    if (!rows.next()) return fail(ErrorCode::not_found, "Session not found: {}", id.value);
    return std::string(rows.text(0));
  });
}

Result<domain::Session> Reader::session(const SessionId& id) {
  TRY(const std::string json, session_json(id));
  return wire::decode_session(json);
}

Result<std::string> Reader::sessions_json(const SessionFilter& filter) {
  return connections_.read(
      [&](Connection& sql) -> Result<std::string> { return filtered_sessions(sql, filter, joined); });
}

Result<std::vector<domain::Session>> Reader::sessions(const SessionFilter& filter) {
  return connections_.read([&](Connection& sql) {
    return filtered_sessions(sql, filter, [](Rows rows) { return decoded(std::move(rows), &wire::decode_session); });
  });
}

Result<std::string> Reader::children_json(const SessionId& parent) {
  return connections_.read([&](Connection& sql) -> Result<std::string> {
    TRY_VOID(session_key(sql, parent));
    return joined(sql.rows(kChildren, parent));
  });
}

Result<std::vector<SessionId>> Reader::children(const SessionId& parent) {
  return connections_.read([&](Connection& sql) -> Result<std::vector<SessionId>> {
    std::vector<SessionId> ids;
    Rows rows = sql.rows("SELECT id FROM session WHERE parent = ? ORDER BY created, key", parent);
    while (rows.next()) ids.push_back({std::string(rows.text(0))});
    return ids;
  });
}

// ------------------------------------------------------------------------------------------------------- messages

Result<MessagePage> Reader::messages_json(const SessionId& id, const MessageSlice& slice) {
  return connections_.read([&](Connection& sql) -> Result<MessagePage> {
    TRY(const std::int64_t key, session_key(sql, id));
    return message_page(sql, key, slice);
  });
}

Result<std::string> Reader::message_json(const SessionId& session_id, const MessageId& id) {
  return connections_.read([&](Connection& sql) -> Result<std::string> {
    TRY(const std::int64_t session, session_key(sql, session_id));
    Rows rows = sql.rows("SELECT key, body FROM message WHERE id = ? AND session = ?", id, session);
    if (!rows.next()) return fail(ErrorCode::not_found, "Message not found: {}", id.value);
    TRY(const std::string parts, parts_json(sql, rows.integer(0)));
    return fmt::format("{{\"info\":{},\"parts\":{}}}", rows.text(1), parts);
  });
}

Result<domain::MessageWithParts> Reader::message(const SessionId& session_id, const MessageId& id) {
  TRY(const std::string json, message_json(session_id, id));
  return wire::decode_message_with_parts(json);
}

Result<std::vector<domain::MessageWithParts>> Reader::history(const SessionId& id) {
  TRY(const MessagePage page, messages_json(id, {}));
  return wire::decode_messages_with_parts(page.json);
}

// ------------------------------------------------------------------------------------------------ requests, todos

Result<std::string> Reader::requests_json(const std::optional<std::string>& directory) {
  return connections_.read([&](Connection& sql) -> Result<std::string> {
    std::optional<std::string_view> only;
    if (directory) only = *directory;
    return joined(
        sql.rows("SELECT r.body FROM request r JOIN session s ON s.key = r.session "
                 "WHERE r.reply IS NULL AND (?1 IS NULL OR s.directory = ?1) ORDER BY r.key",
                 only));
  });
}

Result<std::vector<domain::PermissionRequest>> Reader::open_requests(const SessionId& id) {
  return connections_.read([&](Connection& sql) -> Result<std::vector<domain::PermissionRequest>> {
    TRY(const std::int64_t key, session_key(sql, id));
    return decoded(sql.rows("SELECT body FROM request WHERE session = ? AND reply IS NULL ORDER BY key", key),
                   &wire::decode_permission_request);
  });
}

Result<RequestRow> Reader::request(const PermissionId& id) {
  return connections_.read([&](Connection& sql) -> Result<RequestRow> {
    Rows rows = sql.rows(
        "SELECT r.body, s.directory, r.reply IS NULL FROM request r JOIN session s ON s.key = r.session WHERE r.id = ?",
        id);
    if (!rows.next()) return fail(ErrorCode::not_found, "Permission request not found: {}", id.value);
    TRY(auto request, wire::decode_permission_request(rows.text(0)));
    return RequestRow{std::move(request), std::string(rows.text(1)), rows.integer(2) != 0};
  });
}

Result<std::vector<AnsweredRequest>> Reader::answered_requests(const SessionId& id) {
  return connections_.read([&](Connection& sql) -> Result<std::vector<AnsweredRequest>> {
    TRY(const std::int64_t session, session_key(sql, id));
    std::vector<AnsweredRequest> answered;
    Rows rows = sql.rows(
        "SELECT r.body, r.reply, e.body ->> '$.message' FROM request r JOIN message m ON m.session = r.session AND "
        "m.id = r.body ->> '$.tool.messageID' LEFT JOIN event e ON e.seq = r.seq WHERE r.session = ? AND r.reply IS "
        "NOT "
        "NULL AND m.open AND EXISTS (SELECT 1 FROM part p WHERE p.open AND p.key >> ? = m.key AND p.started IS NULL "
        "AND "
        "p.body ->> '$.callID' = r.body ->> '$.tool.callID') ORDER BY r.key",
        session, std::int64_t{kPartBits});
    while (rows.next()) {
      TRY(auto request, wire::decode_permission_request(rows.text(0)));
      std::optional<std::string> message;
      if (!rows.null(2)) message = std::string(rows.text(2));
      answered.push_back({std::move(request), reply_named(rows.text(1)), std::move(message)});
    }
    return answered;
  });
}

Result<std::string> Reader::questions_json(const std::optional<std::string>& directory) {
  return connections_.read([&](Connection& sql) -> Result<std::string> {
    std::optional<std::string_view> wanted;
    if (directory) wanted = *directory;
    return joined(
        sql.rows("SELECT q.body FROM question q JOIN session s ON s.key = q.session "
                 "WHERE q.open AND (?1 IS NULL OR s.directory = ?1) ORDER BY q.key",
                 wanted));
  });
}

Result<std::vector<domain::QuestionRequest>> Reader::open_questions(const SessionId& id) {
  return connections_.read([&](Connection& sql) -> Result<std::vector<domain::QuestionRequest>> {
    TRY(const std::int64_t key, session_key(sql, id));
    return decoded(sql.rows("SELECT body FROM question WHERE session = ? AND open ORDER BY key", key),
                   &wire::decode_question_request);
  });
}

namespace {

Result<QuestionRow> question_row(Rows& rows) {
  TRY(auto request, wire::decode_question_request(rows.text(0)));
  QuestionRow row{std::move(request), std::string(rows.text(1)), rows.integer(2) != 0, {}};
  if (!rows.null(3)) {
    TRY(row.answers, wire::decode_answers(rows.text(3)));
  }
  return row;
}

}  // namespace

Result<QuestionRow> Reader::question(const QuestionId& id) {
  return connections_.read([&](Connection& sql) -> Result<QuestionRow> {
    Rows rows = sql.rows(
        "SELECT q.body, s.directory, q.open, q.answers FROM question q JOIN session s ON s.key = q.session "
        "WHERE q.id = ?",
        id);
    if (!rows.next()) return fail(ErrorCode::not_found, "Question request not found: {}", id.value);
    return question_row(rows);
  });
}

Result<std::optional<QuestionRow>> Reader::question_of(const SessionId& id, const domain::ToolRef& call) {
  return connections_.read([&](Connection& sql) -> Result<std::optional<QuestionRow>> {
    TRY(const std::int64_t key, session_key(sql, id));
    Rows rows = sql.rows(
        "SELECT q.body, s.directory, q.open, q.answers FROM question q JOIN session s ON s.key = q.session "
        "WHERE q.session = ? AND q.call = ? ORDER BY q.key DESC",
        key, std::string_view(call.call_id));
    while (rows.next()) {
      TRY(QuestionRow row, question_row(rows));
      if (row.request.tool == call) return row;
    }
    return std::nullopt;
  });
}

Result<std::vector<SavedRuleRow>> Reader::saved_rules(const std::optional<std::string>& project_id) {
  return connections_.read([&](Connection& sql) -> Result<std::vector<SavedRuleRow>> {
    std::optional<std::string_view> wanted;
    if (project_id) wanted = *project_id;
    Rows rows = sql.rows(
        "SELECT id, permission, pattern, project, directory FROM saved_rule WHERE (?1 IS NULL OR project = ?1) "
        "ORDER BY created, id",
        wanted);
    std::vector<SavedRuleRow> out;
    while (rows.next()) {
      out.push_back({{std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2))},
                     std::string(rows.text(3)),
                     std::string(rows.text(4))});
    }
    return out;
  });
}

Result<std::vector<SessionId>> Reader::background_tasks() {
  return connections_.read([](Connection& sql) -> Result<std::vector<SessionId>> {
    std::vector<SessionId> ids;
    Rows rows = sql.rows("SELECT id FROM session WHERE background ORDER BY key");
    while (rows.next()) ids.push_back({std::string(rows.text(0))});
    return ids;
  });
}

Result<std::string> Reader::todos_json(const SessionId& id) {
  return connections_.read([&](Connection& sql) -> Result<std::string> {
    TRY(const std::int64_t key, session_key(sql, id));
    Rows rows = sql.rows("SELECT body FROM todo WHERE session = ?", key);
    return rows.next() ? std::string(rows.text(0)) : "[]";
  });
}

Result<OpenWork> Reader::open_work() {
  return connections_.read([&](Connection& sql) -> Result<OpenWork> {
    OpenWork work;
    Rows turns =
        sql.rows("SELECT s.id, t.message FROM turn t JOIN session s ON s.key = t.session WHERE t.reason IS NULL");
    while (turns.next()) work.turns.push_back({{std::string(turns.text(0))}, {std::string(turns.text(1))}});
    Rows inbox = sql.rows("SELECT s.id, i.message FROM inbox i JOIN session s ON s.key = i.session ORDER BY i.seq");
    while (inbox.next()) work.inbox.push_back({{std::string(inbox.text(0))}, {std::string(inbox.text(1))}});
    TRY(auto messages, decoded(sql.rows("SELECT body FROM message WHERE open ORDER BY key"), &wire::decode_message));
    for (auto& message : messages) {
      if (auto* assistant = std::get_if<domain::AssistantMessage>(&message))
        work.messages.push_back(std::move(*assistant));
    }
    Rows parts = sql.rows("SELECT key, body FROM part WHERE open ORDER BY key");
    while (parts.next()) {
      const std::int64_t key = parts.integer(0);
      const Tails tails = tails_of(sql, {key, key});
      std::string json(parts.text(1));
      if (const auto tail = tails.find(key); tail != tails.end()) {
        TRY(json, with_tail(json, tail->second));
      }
      TRY(auto part, wire::decode_part(json));
      work.parts.push_back(std::move(part));
    }
    return work;
  });
}

Result<SessionWork> Reader::work(const SessionId& id) {
  return connections_.read([&](Connection& sql) -> Result<SessionWork> {
    TRY(const std::int64_t session, session_key(sql, id));
    SessionWork work;
    Rows turn = sql.rows(
        "SELECT t.message, coalesce(e.body ->> '$.attempt', 1) FROM turn t LEFT JOIN event e ON e.seq = t.seq "
        "WHERE t.session = ? AND t.reason IS NULL",
        session);
    if (turn.next()) {
      work.turn = MessageId{std::string(turn.text(0))};
      work.attempt = static_cast<int>(turn.integer(1));
    }
    Rows inbox = sql.rows(
        "SELECT i.message, e.body ->> '$.delivery' FROM inbox i LEFT JOIN event e ON e.seq = i.seq WHERE i.session "
        "= ? "
        "ORDER BY i.seq",
        session);
    while (inbox.next()) work.inbox.push_back({{std::string(inbox.text(0))}, delivery_named(inbox.text(1))});
    return work;
  });
}

Result<std::vector<SessionId>> Reader::sessions_with_work() {
  return connections_.read([&](Connection& sql) -> Result<std::vector<SessionId>> {
    std::vector<SessionId> ids;
    Rows rows = sql.rows(
        "SELECT s.id FROM (SELECT session, seq FROM turn WHERE reason IS NULL UNION ALL SELECT session, seq FROM "
        "inbox) w "
        "JOIN session s ON s.key = w.session GROUP BY s.key ORDER BY min(w.seq)");
    while (rows.next()) ids.push_back({std::string(rows.text(0))});
    return ids;
  });
}

Result<std::optional<UsedKey>> Reader::used_key(std::string_view key) {
  return connections_.read([&](Connection& sql) -> Result<std::optional<UsedKey>> {
    Rows rows = sql.rows(
        "SELECT s.id, e.body ->> '$.fingerprint', e.body ->> '$.messageID' FROM used_key k JOIN session s ON s.key "
        "= "
        "k.session JOIN event e ON e.seq = k.seq WHERE k.key = ?",
        key);
    if (!rows.next()) return std::nullopt;
    UsedKey used{.session = {std::string(rows.text(0))}, .fingerprint = std::string(rows.text(1)), .message = {}};
    if (!rows.null(2)) used.message = MessageId{std::string(rows.text(2))};
    return used;
  });
}

Result<std::optional<MessageId>> Reader::last_answer(const SessionId& id, const MessageId& prompt) {
  return connections_.read([&](Connection& sql) -> Result<std::optional<MessageId>> {
    TRY(const std::int64_t session, session_key(sql, id));
    Rows rows = sql.rows(
        "SELECT id FROM message WHERE session = ? AND body ->> '$.parentID' = ? ORDER BY created DESC, id DESC "
        "LIMIT 1",
        session, prompt);
    if (!rows.next()) return std::nullopt;
    return MessageId{std::string(rows.text(0))};
  });
}

// --------------------------------------------------------------------------------------------------------- events

namespace {

// A tombstone tells its session itself.
constexpr const char* kEvents =
    "SELECT e.seq, e.session_seq, e.id, e.time, e.type, e.entity, e.body, e.session,"
    " coalesce(s.id, e.body ->> '$.id'), coalesce(s.directory, e.body ->> '$.directory'),"
    " coalesce(s.project, e.body ->> '$.projectID'), NULL FROM event e LEFT JOIN session s ON s.key = e.session "
    "WHERE e.seq > ? ORDER BY e.seq LIMIT ?";
// By its number within the session, which is the index's order. One statement for all bodies but the rare ones.
constexpr const char* kSessionEvents =
    "SELECT e.seq, e.session_seq, e.id, e.time, e.type, e.entity, coalesce(e.body, p.body, m.body), e.session, s.id, "
    "s.directory, s.project, p.time FROM event e JOIN session s ON s.key = e.session LEFT JOIN part p ON e.type = "
    "'message.part.updated' AND p.key = e.entity LEFT JOIN message m ON e.type = 'message.updated' AND m.key = "
    "e.entity WHERE e.session = ? AND e.seq > ? ORDER BY e.session, e.session_seq LIMIT ?";

Result<std::vector<StoredEvent>> stored_events(Connection& sql, Rows rows) {
  std::vector<StoredEvent> events;
  while (rows.next()) {
    const std::string_view type = wire::static_type(rows.text(4));
    TimeMs time = rows.null(11) ? rows.integer(3) : rows.integer(11);
    const EventKey key{.seq = rows.integer(0), .session = rows.integer(7), .entity = rows.integer(5)};
    std::string body = rows.null(6) ? entity_body(sql, type, key, rows.text(8), time) : std::string(rows.text(6));
    if (body.empty()) return fail(ErrorCode::internal, "event {} ({}) has lost its body", rows.integer(0), type);
    events.push_back({rows.integer(0),
                      rows.integer(1),
                      {std::string(rows.text(2))},
                      rows.integer(3),
                      type,
                      std::make_shared<const std::string>(wire::properties_of(type, rows.text(8), body, time)),
                      {std::string(rows.text(8))},
                      std::string(rows.text(9)),
                      std::string(rows.text(10))});
  }
  return events;
}

}  // namespace

Result<std::vector<StoredEvent>> Reader::events_after(Seq after, std::int64_t limit) {
  return connections_.read([&](Connection& sql) { return stored_events(sql, sql.rows(kEvents, after, limit)); });
}

Result<std::vector<StoredEvent>> Reader::session_events(const SessionId& id, Seq after, std::int64_t limit) {
  return connections_.read([&](Connection& sql) -> Result<std::vector<StoredEvent>> {
    TRY(const std::int64_t key, session_key(sql, id));
    return stored_events(sql, sql.rows(kSessionEvents, key, after, limit));
  });
}

Result<Seq> Reader::last_seq() {
  return connections_.read(
      [](Connection& sql) -> Result<Seq> { return sql.integer("SELECT max(seq) FROM event").value_or(0); });
}

Result<Seq> Reader::seq_before(TimeMs time) {
  // From the newest backwards: the few recent events are all that is looked at.
  return connections_.read([&](Connection& sql) -> Result<Seq> {
    return sql.integer("SELECT seq FROM event WHERE time < ? ORDER BY seq DESC LIMIT 1", time).value_or(0);
  });
}

// ------------------------------------------------------------------------------------------------------- projects

Result<std::vector<domain::Project>> Reader::projects() {
  return connections_.read(
      [](Connection& sql) { return decoded(sql.rows("SELECT body FROM project ORDER BY id"), &wire::decode_project); });
}

Result<domain::Project> Reader::project(const std::string& id) {
  return connections_.read([&](Connection& sql) -> Result<domain::Project> {
    Rows rows = sql.rows("SELECT body FROM project WHERE id = ?", std::string_view(id));
    if (!rows.next()) return fail(ErrorCode::not_found, "Project not found: {}", id);
    return wire::decode_project(rows.text(0));
  });
}

// -------------------------------------------------------------------------------------------------------- records

Result<std::vector<RecordRow>> Reader::records(const RecordFilter& filter) {
  return connections_.read([&](Connection& sql) -> Result<std::vector<RecordRow>> {
    std::optional<std::int64_t> session;
    if (filter.session) {
      TRY(session, session_key(sql, *filter.session));
    }
    std::optional<std::string_view> key;
    if (filter.key) key = *filter.key;
    // The texts differ in what leads the index.
#define QD_RECORDS(lead)                                                                                             \
  "SELECT s.id, r.kind, r.key, r.seq, r.open, r.body -> '$.body' FROM record r JOIN session s ON s.key = r.session " \
  "WHERE " lead                                                                                                      \
  " AND (?2 IS NULL OR r.session = ?2) AND (?3 IS NULL OR r.key = ?3) AND r.seq > ?4 ORDER BY r.seq LIMIT ?5"
    const char* text = session            ? QD_RECORDS("r.session = ?2 AND r.kind = ?1")
                       : key              ? QD_RECORDS("r.kind = ?1 AND r.key = ?3")
                       : filter.open_only ? QD_RECORDS("r.kind = ?1 AND r.open")
                                          : QD_RECORDS("r.kind = ?1");
#undef QD_RECORDS
    std::vector<RecordRow> found;
    Rows rows = sql.rows(text, std::string_view(filter.kind), session, key, filter.after, filter.limit);
    while (rows.next()) {
      if (filter.open_only && rows.integer(4) == 0) continue;
      found.push_back({{std::string(rows.text(0))},
                       std::string(rows.text(1)),
                       std::string(rows.text(2)),
                       rows.integer(3),
                       rows.integer(4) != 0,
                       {std::string(rows.text(5))}});
    }
    return found;
  });
}

Result<std::optional<TurnRow>> Reader::last_turn(const SessionId& id) {
  return connections_.read([&](Connection& sql) -> Result<std::optional<TurnRow>> {
    TRY(const std::int64_t session, session_key(sql, id));
    Rows rows = sql.rows(
        "SELECT t.message, t.reason, coalesce(e.time, 0) FROM turn t LEFT JOIN event e ON e.seq = t.seq WHERE "
        "t.session = ?",
        session);
    if (!rows.next()) return std::nullopt;
    TurnRow turn{.prompt = {std::string(rows.text(0))}, .reason = {}, .time = rows.integer(2)};
    if (!rows.null(1)) turn.reason = std::string(rows.text(1));
    return turn;
  });
}

Result<std::vector<SessionId>> Reader::sessions_ended_with(std::string_view reason) {
  return connections_.read([&](Connection& sql) -> Result<std::vector<SessionId>> {
    std::vector<SessionId> ids;
    Rows rows = sql.rows(
        "SELECT s.id FROM turn t JOIN session s ON s.key = t.session WHERE t.reason = ? AND s.archived IS NULL "
        "ORDER BY t.seq",
        reason);
    while (rows.next()) ids.push_back({std::string(rows.text(0))});
    return ids;
  });
}

Result<Counts> Reader::counts() {
  return connections_.read([](Connection& sql) -> Result<Counts> {
    return Counts{.sessions = *sql.integer("SELECT count(*) FROM session"),
                  .messages = *sql.integer("SELECT count(*) FROM message"),
                  .parts = *sql.integer("SELECT count(*) FROM part"),
                  .events = *sql.integer("SELECT count(*) FROM event"),
                  .open_requests = *sql.integer("SELECT count(*) FROM request WHERE reply IS NULL"),
                  .open_turns = *sql.integer("SELECT count(*) FROM turn WHERE reason IS NULL")};
  });
}

}  // namespace quarterdeck::store::sqlite
