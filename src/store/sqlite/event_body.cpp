#include "store/sqlite/event_body.hpp"

#include "domain/event.hpp"
#include "wire/event.hpp"

namespace quarterdeck::store::sqlite {
namespace {

std::string first_text(Rows rows) { return rows.next() ? std::string(rows.text(0)) : ""; }

}  // namespace

std::string entity_body(Connection& sql, std::string_view type, const EventKey& key, std::string_view session_id,
                        TimeMs& time) {
  if (type == "session.created" || type == "session.updated") {
    return first_text(sql.rows("SELECT body FROM session WHERE key = ?", key.session));
  }
  if (type == "message.updated") return first_text(sql.rows("SELECT body FROM message WHERE key = ?", key.entity));
  if (type == "message.part.updated") {
    Rows part = sql.rows("SELECT body, time FROM part WHERE key = ?", key.entity);
    if (!part.next()) return "";
    time = part.integer(1);
    return std::string(part.text(0));
  }
  if (type == "permission.asked") return first_text(sql.rows("SELECT body FROM request WHERE key = ?", key.entity));
  if (type == "question.asked") return first_text(sql.rows("SELECT body FROM question WHERE key = ?", key.entity));
  if (type == "todo.updated") return first_text(sql.rows("SELECT body FROM todo WHERE session = ?", key.session));
  if (type == "quarterdeck.record.put") return first_text(sql.rows("SELECT body FROM record WHERE seq = ?", key.seq));
  if (type == "quarterdeck.part.appended") {
    Rows tail = sql.rows(
        "SELECT m.id, p.id, t.text FROM tail t JOIN part p ON p.key = t.part JOIN message m ON m.key = t.part >> 17 "
        "WHERE t.part = ? AND t.seq = ?",
        key.entity, key.seq);
    if (!tail.next()) return "";
    const domain::PartAppended appended{
        {std::string(tail.text(0))}, {std::string(tail.text(1))}, std::string(tail.text(2))};
    return wire::encode_body({std::string(session_id)}, appended).body;
  }
  return "";
}

}  // namespace quarterdeck::store::sqlite
