#include "store/sqlite/projector.hpp"

#include "store/sqlite/migrations.hpp"
#include "wire/event.hpp"
#include "wire/json.hpp"
#include "wire/permission.hpp"
#include "wire/project.hpp"
#include "wire/question.hpp"

namespace quarterdeck::store::sqlite {
namespace {

constexpr TimeMs kKeysKeptMs = 24 * 60 * 60 * 1000;
constexpr std::int64_t kKeysMax = 100'000;

bool is_open(const domain::Message& message) {
  const auto* assistant = std::get_if<domain::AssistantMessage>(&message);
  return assistant && !assistant->completed;
}

bool is_open(const domain::Part& part) {
  if (const auto* tool = std::get_if<domain::ToolPart>(&part.content)) {
    return std::holds_alternative<domain::ToolPending>(tool->state) ||
           std::holds_alternative<domain::ToolRunning>(tool->state);
  }
  if (const auto* text = std::get_if<domain::TextPart>(&part.content)) return text->time && !text->time->end;
  if (const auto* reasoning = std::get_if<domain::ReasoningPart>(&part.content)) return !reasoning->time.end;
  return false;
}

// A task in the background whose result is still to be delivered: {"quarterdeck":{"background":{…}}}.
std::int64_t is_background(const domain::Session& info) {
  if (!info.metadata || !info.metadata->text.contains("\"background\"")) return 0;
  const auto metadata = wire::parse(info.metadata->text);
  const wire::Json* ours = metadata ? wire::value_at(*metadata, "quarterdeck") : nullptr;
  return ours && wire::object_at(*ours, "background") ? 1 : 0;
}

std::string_view name(domain::Reply reply) {
  switch (reply) {
    case domain::Reply::once: return "once";
    case domain::Reply::always: return "always";
    case domain::Reply::reject: return "reject";
  }
  return "";
}

}  // namespace

// One event on its way into the tables.
struct Projector::Context {
  const Batch& batch;
  const Stamp& stamp;
  Seq seq;
  std::string body;              // the entity's JSON
  std::int64_t session = 0;      // key; 0 = not stored
  std::optional<std::int64_t> entity;
  bool body_in_event = true;     // false where an entity row took the body
  bool tombstone = false;
};

Result<StoredEvent> Projector::apply(const Batch& batch, const domain::Event& event, const Stamp& stamp, Seq seq) {
  wire::StoredBody encoded = wire::encode_body(batch.session, event);
  Context at{.batch = batch, .stamp = stamp, .seq = seq, .body = std::move(encoded.body)};
  at.session = find_session(batch.session).value_or(0);
  if (at.session == 0 && !std::holds_alternative<domain::SessionCreated>(event)) {
    return fail(ErrorCode::not_found, "Session not found: {}", batch.session.value);
  }
  const std::int64_t session_seq =
      sql_.integer("SELECT max(session_seq) FROM event WHERE session = ?", at.session).value_or(-1) + 1;
  TRY_VOID(std::visit([&](const auto& kind) { return project(at, kind); }, event));

  std::optional<std::string_view> own_body;
  if (at.body_in_event) own_body = at.body;
  std::optional<std::int64_t> session_key = at.session;
  if (at.tombstone) session_key.reset();
  sql_.run(
      "INSERT INTO event (seq, session, session_seq, id, time, type, version, entity, body) VALUES (?,?,?,?,?,?,?,?,?)",
      seq, session_key, session_seq, stamp.id, stamp.time, encoded.type, std::int64_t{wire::kEventVersion}, at.entity,
      own_body);

  const auto* part = std::get_if<domain::PartUpdated>(&event);
  auto properties = std::make_shared<const std::string>(
      wire::properties_of(encoded.type, batch.session.value, at.body, part ? part->time : stamp.time));
  return StoredEvent{seq,           session_seq,     stamp.id,        stamp.time, encoded.type, std::move(properties),
                     batch.session, batch.directory, batch.project_id};
}

void Projector::put_project(const domain::Project& project) {
  const std::string body = wire::encode_project(project);
  sql_.run(
      "INSERT INTO project (id, updated, body) VALUES (?,?,?) "
      "ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, body = excluded.body",
      std::string_view(project.id), project.updated, std::string_view(body));
}

void Projector::remove_saved_rule(const std::string& id) {
  sql_.run("DELETE FROM saved_rule WHERE id = ?", std::string_view(id));
}

// ------------------------------------------------------------------------------------------------------ sessions

Result<> Projector::project(Context& at, const domain::SessionCreated& event) {
  const domain::Session& info = event.info;
  if (at.session != 0) return fail(ErrorCode::conflict, "Session exists: {}", info.id.value);
  at.session = sql_.integer("SELECT max(key) FROM session").value_or(0) + 1;
  if (at.session > kSessionsMax) return fail(ErrorCode::unavailable, "no more than {} sessions", kSessionsMax);
  std::optional<std::string_view> parent;
  if (info.parent_id) parent = info.parent_id->value;
  sql_.run(
      "INSERT INTO session (key, seq, id, directory, project, path, parent, title, created, updated, archived, "
      "background, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
      at.session, at.seq, info.id, std::string_view(info.directory), std::string_view(info.project_id),
      std::string_view(info.path), parent, std::string_view(info.title), info.created, info.updated, info.archived,
      is_background(info), std::string_view(at.body));
  at.body_in_event = false;
  return {};
}

Result<> Projector::project(Context& at, const domain::SessionUpdated& event) {
  const domain::Session& info = event.info;
  drop_event(*sql_.integer("SELECT seq FROM session WHERE key = ?", at.session));
  sql_.run(
      "UPDATE session SET seq=?, directory=?, project=?, path=?, title=?, updated=?, archived=?, background=?, body=? "
      "WHERE key=?",
      at.seq, std::string_view(info.directory), std::string_view(info.project_id), std::string_view(info.path),
      std::string_view(info.title), info.updated, info.archived, is_background(info), std::string_view(at.body),
      at.session);
  at.body_in_event = false;
  return {};
}

Result<> Projector::project(Context& at, const domain::SessionDeleted&) {
  const KeyRange messages = messages_of(at.session);
  const KeyRange parts = parts_of_session(at.session);
  sql_.run("DELETE FROM event WHERE session = ?", at.session);
  sql_.run("DELETE FROM tail WHERE part BETWEEN ? AND ?", parts.first, parts.last);
  sql_.run("DELETE FROM part WHERE key BETWEEN ? AND ?", parts.first, parts.last);
  sql_.run("DELETE FROM message WHERE key BETWEEN ? AND ?", messages.first, messages.last);
  sql_.run("DELETE FROM request WHERE session = ?", at.session);
  sql_.run("DELETE FROM question WHERE session = ?", at.session);
  sql_.run("DELETE FROM todo WHERE session = ?", at.session);
  sql_.run("DELETE FROM turn WHERE session = ?", at.session);
  sql_.run("DELETE FROM inbox WHERE session = ?", at.session);
  sql_.run("DELETE FROM used_key WHERE session = ?", at.session);
  sql_.run("DELETE FROM record WHERE session = ?", at.session);
  sql_.run("DELETE FROM session WHERE key = ?", at.session);
  at.tombstone = true;
  return {};
}

// ------------------------------------------------------------------------------------------------------ messages

Result<> Projector::project(Context& at, const domain::MessageUpdated& event) {
  const MessageId& id = domain::id_of(event.info);
  const auto created = domain::created_of(event.info);
  const std::int64_t open = is_open(event.info);
  at.body_in_event = false;
  at.entity = find_message(at, id);
  if (at.entity) {
    drop_event(*sql_.integer("SELECT seq FROM message WHERE key = ?", *at.entity));
    sql_.run("UPDATE message SET seq=?, created=?, open=?, body=? WHERE key=?", at.seq, created, open,
             std::string_view(at.body), *at.entity);
    return {};
  }
  TRY(at.entity,
      next_key("SELECT max(key) FROM message WHERE key BETWEEN ? AND ?", messages_of(at.session), "messages"));
  sql_.run("INSERT INTO message (key, seq, session, created, id, open, body) VALUES (?,?,?,?,?,?,?)", *at.entity,
           at.seq, at.session, created, id, open, std::string_view(at.body));
  return {};
}

Result<> Projector::project(Context& at, const domain::MessageRemoved& event) {
  const auto message = find_message(at, event.message_id);
  if (!message) return fail(ErrorCode::not_found, "Message not found: {}", event.message_id.value);
  drop_parts(parts_of(*message));
  drop_event(*sql_.integer("SELECT seq FROM message WHERE key = ?", *message));
  drop_inbox(at, event.message_id);
  sql_.run("DELETE FROM message WHERE key = ?", *message);
  return {};
}

// --------------------------------------------------------------------------------------------------------- parts

Result<> Projector::project(Context& at, const domain::PartUpdated& event) {
  const auto message = find_message(at, event.part.message_id);
  if (!message) return fail(ErrorCode::not_found, "Message not found: {}", event.part.message_id.value);
  const std::int64_t open = is_open(event.part);
  at.body_in_event = false;
  at.entity = find_part(*message, event.part.id);
  if (!at.entity) {
    TRY(at.entity, next_key("SELECT max(key) FROM part WHERE key BETWEEN ? AND ?", parts_of(*message), "parts"));
    sql_.run("INSERT INTO part (key, seq, time, id, open, body) VALUES (?,?,?,?,?,?)", *at.entity, at.seq, event.time,
             event.part.id, open, std::string_view(at.body));
    return {};
  }
  {
    Rows old = sql_.rows("SELECT seq, started FROM part WHERE key = ?", *at.entity);
    old.next();
    const auto seq = old.integer(0);
    const auto started = old.integer(1);
    drop_event(seq);
    if (open == 0 && started != 0) drop_event(started);
  }
  drop_tail(*at.entity);
  sql_.run("UPDATE part SET seq=?, time=?, open=?, body=?, started=iif(?3, started, NULL) WHERE key=?", at.seq,
           event.time, open, std::string_view(at.body), *at.entity);
  return {};
}

Result<> Projector::project(Context& at, const domain::PartRemoved& event) {
  const auto message = find_message(at, event.message_id);
  const auto part = message ? find_part(*message, event.part_id) : std::nullopt;
  if (!part) return fail(ErrorCode::not_found, "Part not found: {}", event.part_id.value);
  drop_parts({*part, *part});
  return {};
}

Result<> Projector::project(Context& at, const domain::PartAppended& event) {
  const auto message = find_message(at, event.message_id);
  at.entity = message ? find_part(*message, event.part_id) : std::nullopt;
  if (!at.entity) return fail(ErrorCode::not_found, "Part not found: {}", event.part_id.value);
  sql_.run("INSERT INTO tail (part, seq, text) VALUES (?,?,?)", *at.entity, at.seq, std::string_view(event.text));
  at.body_in_event = false;
  return {};
}

Result<> Projector::project(Context& at, const domain::ToolStarted& event) {
  const auto message = find_message(at, event.message_id);
  at.entity = message ? find_part(*message, event.part_id) : std::nullopt;
  if (!at.entity) return fail(ErrorCode::not_found, "Part not found: {}", event.part_id.value);
  if (const auto old = sql_.integer("SELECT started FROM part WHERE key = ?", *at.entity)) drop_event(*old);
  sql_.run("UPDATE part SET started = ? WHERE key = ?", at.seq, *at.entity);
  return {};
}

// ------------------------------------------------------------------------------------------------ turns and inbox

Result<> Projector::project(Context& at, const domain::PromptAdmitted& event) {
  drop_inbox(at, event.message_id);
  sql_.run("INSERT INTO inbox (seq, session, message) VALUES (?,?,?)", at.seq, at.session, event.message_id);
  return {};
}

Result<> Projector::project(Context& at, const domain::TurnStarted& event) {
  drop_inbox(at, event.message_id);
  if (const auto old = sql_.integer("SELECT seq FROM turn WHERE session = ?", at.session)) drop_event(*old);
  sql_.run("INSERT OR REPLACE INTO turn (session, seq, message) VALUES (?,?,?)", at.session, at.seq, event.message_id);
  return {};
}

Result<> Projector::project(Context& at, const domain::TurnEnded& event) {
  drop_inbox(at, event.message_id);
  if (const auto old = sql_.integer("SELECT seq FROM turn WHERE session = ?", at.session)) drop_event(*old);
  sql_.run("INSERT OR REPLACE INTO turn (session, seq, message, reason) VALUES (?,?,?,?)", at.session, at.seq,
           event.message_id, std::string_view(event.reason));
  return {};
}

// ------------------------------------------------------------------------------------------------------ the rest

Result<> Projector::project(Context& at, const domain::PermissionAsked& event) {
  if (sql_.integer("SELECT key FROM request WHERE id = ?", event.request.id)) {
    return fail(ErrorCode::conflict, "Permission request exists: {}", event.request.id.value);
  }
  sql_.run("INSERT INTO request (seq, session, id, body) VALUES (?,?,?,?)", at.seq, at.session, event.request.id,
           std::string_view(at.body));
  at.entity = sql_.integer("SELECT key FROM request WHERE id = ?", event.request.id);
  at.body_in_event = false;
  return {};
}

Result<> Projector::project(Context& at, const domain::PermissionReplied& event) {
  std::int64_t key = 0;
  {
    Rows request =
        sql_.rows("SELECT key, seq, reply FROM request WHERE id = ? AND session = ?", event.request_id, at.session);
    if (!request.next()) return fail(ErrorCode::not_found, "Permission request not found: {}", event.request_id.value);
    if (!request.null(2))
      return fail(ErrorCode::conflict, "Permission request was answered: {}", event.request_id.value);
    key = request.integer(0);
    drop_event(request.integer(1));
  }
  sql_.run("UPDATE request SET seq = ?, reply = ? WHERE key = ?", at.seq, name(event.reply), key);
  return {};
}

Result<> Projector::project(Context& at, const domain::QuestionAsked& event) {
  if (sql_.integer("SELECT key FROM question WHERE id = ?", event.request.id)) {
    return fail(ErrorCode::conflict, "Question request exists: {}", event.request.id.value);
  }
  std::optional<std::string_view> call;
  if (event.request.tool) call = event.request.tool->call_id;
  sql_.run("INSERT INTO question (seq, session, id, call, open, body) VALUES (?,?,?,?,1,?)", at.seq, at.session,
           event.request.id, call, std::string_view(at.body));
  at.entity = sql_.integer("SELECT key FROM question WHERE id = ?", event.request.id);
  at.body_in_event = false;
  return {};
}

Result<> Projector::close_question(Context& at, const QuestionId& id, std::optional<std::string_view> answers) {
  std::int64_t key = 0;
  {
    Rows request = sql_.rows("SELECT key, seq, open FROM question WHERE id = ? AND session = ?", id, at.session);
    if (!request.next()) return fail(ErrorCode::not_found, "Question request not found: {}", id.value);
    if (request.integer(2) == 0) return fail(ErrorCode::conflict, "Question was answered: {}", id.value);
    key = request.integer(0);
    drop_event(request.integer(1));
  }
  sql_.run("UPDATE question SET seq = ?, open = 0, answers = ? WHERE key = ?", at.seq, answers, key);
  return {};
}

Result<> Projector::project(Context& at, const domain::QuestionReplied& event) {
  const std::string answers = wire::encode_answers(event.answers);
  return close_question(at, event.request_id, answers);
}
Result<> Projector::project(Context& at, const domain::QuestionRejected& event) {
  return close_question(at, event.request_id, std::nullopt);
}

Result<> Projector::project(Context& at, const domain::RulesSaved& event) {
  const std::string_view directory = at.batch.project_id == "global" ? std::string_view(at.batch.directory) : "";
  for (const domain::SavedRule& rule : event.rules) {
    sql_.run(
        "INSERT OR IGNORE INTO saved_rule (id, project, directory, permission, pattern, created) VALUES (?,?,?,?,?,?)",
        std::string_view(rule.id), std::string_view(at.batch.project_id), directory, std::string_view(rule.permission),
        std::string_view(rule.pattern), at.stamp.time);
  }
  return {};
}

Result<> Projector::project(Context& at, const domain::TodoUpdated&) {
  if (const auto old = sql_.integer("SELECT seq FROM todo WHERE session = ?", at.session)) drop_event(*old);
  sql_.run("INSERT OR REPLACE INTO todo (session, seq, body) VALUES (?,?,?)", at.session, at.seq,
           std::string_view(at.body));
  at.body_in_event = false;
  return {};
}

Result<> Projector::project(Context&, const domain::SessionFailed&) { return {}; }

Result<> Projector::project(Context& at, const domain::KeyUsed& event) {
  drop_keys_before(at.stamp.time - kKeysKeptMs);
  // Counting is not free: now and then is enough.
  if (at.seq % 256 == 0) {
    const auto newest = sql_.integer("SELECT time FROM used_key ORDER BY time DESC LIMIT 1 OFFSET ?", kKeysMax);
    if (newest) drop_keys_before(*newest);
  }
  const std::string_view key = event.key.key;
  if (sql_.integer("SELECT seq FROM used_key WHERE key = ?", key)) {
    return fail(ErrorCode::conflict, "The idempotency key was used: {}", key);
  }
  sql_.run("INSERT INTO used_key (key, seq, session, time) VALUES (?,?,?,?)", key, at.seq, at.session, at.stamp.time);
  return {};
}

Result<> Projector::project(Context& at, const domain::RecordPut& event) {
  const std::string_view kind = event.kind;
  const std::string_view key = event.key;
  const auto old =
      sql_.integer("SELECT seq FROM record WHERE session = ? AND kind = ? AND key = ?", at.session, kind, key);
  if (old) drop_event(*old);
  if (!event.body) {
    sql_.run("DELETE FROM record WHERE session = ? AND kind = ? AND key = ?", at.session, kind, key);
    return {};
  }
  sql_.run("INSERT OR REPLACE INTO record (session, kind, key, seq, open, body) VALUES (?,?,?,?,?,?)", at.session, kind,
           key, at.seq, std::int64_t{event.open}, std::string_view(at.body));
  at.body_in_event = false;
  return {};
}

// ------------------------------------------------------------------------------------------------------ in common

std::optional<std::int64_t> Projector::find_session(const SessionId& id) {
  return sql_.integer("SELECT key FROM session WHERE id = ?", id);
}

std::optional<std::int64_t> Projector::find_message(const Context& at, const MessageId& id) {
  return sql_.integer("SELECT key FROM message WHERE id = ? AND session = ?", id, at.session);
}

std::optional<std::int64_t> Projector::find_part(std::int64_t message, const PartId& id) {
  const KeyRange range = parts_of(message);
  return sql_.integer("SELECT key FROM part WHERE id = ? AND key BETWEEN ? AND ?", id, range.first, range.last);
}

Result<std::int64_t> Projector::next_key(const char* newest_in_range, KeyRange range, std::string_view what) {
  const std::int64_t key = sql_.integer(newest_in_range, range.first, range.last).value_or(range.first - 1) + 1;
  if (key > range.last) return fail(ErrorCode::too_large, "no more than {} {}", range.last - range.first + 1, what);
  return key;
}

void Projector::drop_event(std::int64_t seq) { sql_.run("DELETE FROM event WHERE seq = ?", seq); }

void Projector::drop_tail(std::int64_t part) {
  sql_.run("DELETE FROM event WHERE seq IN (SELECT seq FROM tail WHERE part = ?)", part);
  sql_.run("DELETE FROM tail WHERE part = ?", part);
}

void Projector::drop_parts(KeyRange parts) {
  sql_.run("DELETE FROM event WHERE seq IN (SELECT seq FROM tail WHERE part BETWEEN ? AND ?)", parts.first, parts.last);
  sql_.run("DELETE FROM event WHERE seq IN (SELECT seq FROM part WHERE key BETWEEN ? AND ?)", parts.first, parts.last);
  sql_.run("DELETE FROM event WHERE seq IN (SELECT started FROM part WHERE key BETWEEN ? AND ?)", parts.first,
           parts.last);
  sql_.run("DELETE FROM tail WHERE part BETWEEN ? AND ?", parts.first, parts.last);
  sql_.run("DELETE FROM part WHERE key BETWEEN ? AND ?", parts.first, parts.last);
}

void Projector::drop_keys_before(TimeMs time) {
  sql_.run("DELETE FROM event WHERE seq IN (SELECT seq FROM used_key WHERE time < ?)", time);
  sql_.run("DELETE FROM used_key WHERE time < ?", time);
}

void Projector::drop_inbox(const Context& at, const MessageId& message) {
  sql_.run("DELETE FROM event WHERE seq IN (SELECT seq FROM inbox WHERE session = ? AND message = ?)", at.session,
           message);
  sql_.run("DELETE FROM inbox WHERE session = ? AND message = ?", at.session, message);
}

}  // namespace quarterdeck::store::sqlite
