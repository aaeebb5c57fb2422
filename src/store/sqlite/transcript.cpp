#include "store/sqlite/transcript.hpp"

#include <limits>
#include <unordered_map>

#include "wire/message.hpp"

namespace quarterdeck::store::sqlite {
namespace {

struct Row {
  std::int64_t key;
  std::string id;
  TimeMs created;
  std::string info;
  std::string parts;    // joined by commas
  std::string last_part;  // id, to see whether they ascend
  bool ascending = true;
};

std::vector<Row> newest_first(Connection& sql, std::int64_t session, const MessageSlice& slice) {
  const std::int64_t all = std::numeric_limits<std::int64_t>::max();
  const MessageCursor before = slice.before.value_or(MessageCursor{{}, all});
  // One more than asked for, to know whether there are more.
  const std::int64_t limit = slice.limit > 0 ? slice.limit + 1 : all;
  Rows rows = sql.rows(
      "SELECT key, id, created, body FROM message WHERE session = ? AND (created, id) < (?, ?) "
      "ORDER BY created DESC, id DESC LIMIT ?",
      session, before.time, before.id, limit);
  std::vector<Row> found;
  while (rows.next()) {
    found.push_back({rows.integer(0), std::string(rows.text(1)), rows.integer(2), std::string(rows.text(3)), {}, {}});
  }
  return found;
}

void append_part(std::string& parts, std::string_view json) {
  if (!parts.empty()) parts += ',';
  parts += json;
}

// Fills in the parts of all rows with one scan.
Result<> collect_parts(Connection& sql, std::vector<Row>& page) {
  if (page.empty()) return {};
  std::unordered_map<std::int64_t, Row*> by_key;
  std::int64_t lowest = page.front().key;
  std::int64_t highest = lowest;
  for (Row& row : page) {
    by_key.emplace(row.key, &row);
    lowest = std::min(lowest, row.key);
    highest = std::max(highest, row.key);
  }
  const KeyRange range{parts_of(lowest).first, parts_of(highest).last};
  const Tails tails = tails_of(sql, range);
  Rows parts =
      sql.rows("SELECT key, id, body FROM part WHERE key BETWEEN ? AND ? ORDER BY key", range.first, range.last);
  std::int64_t current_key = 0;
  Row* current = nullptr;
  while (parts.next()) {
    const std::int64_t key = parts.integer(0);
    if (const std::int64_t message = key >> kPartBits; message != current_key) {
      current_key = message;
      const auto found = by_key.find(message);
      current = found == by_key.end() ? nullptr : found->second;
    }
    if (!current) continue;
    current->ascending &= current->last_part < parts.text(1);
    current->last_part = parts.text(1);
    if (const auto tail = tails.find(key); tail != tails.end()) {
      TRY(const std::string text, with_tail(parts.text(2), tail->second));
      append_part(current->parts, text);
    } else {
      append_part(current->parts, parts.text(2));
    }
  }
  return {};
}

}  // namespace

Tails tails_of(Connection& sql, KeyRange parts) {
  Tails tails;
  Rows rows =
      sql.rows("SELECT part, text FROM tail WHERE part BETWEEN ? AND ? ORDER BY part, seq", parts.first, parts.last);
  while (rows.next()) tails[rows.integer(0)] += rows.text(1);
  return tails;
}

Result<std::string> with_tail(std::string_view part_json, const std::string& tail) {
  TRY(domain::Part part, wire::decode_part(part_json));
  if (auto* text = std::get_if<domain::TextPart>(&part.content)) {
    text->text += tail;
  } else if (auto* reasoning = std::get_if<domain::ReasoningPart>(&part.content)) {
    reasoning->text += tail;
  }
  return wire::encode_part(part);
}

Result<std::string> parts_json(Connection& sql, std::int64_t message) {
  const KeyRange range = parts_of(message);
  const Tails tails = tails_of(sql, range);
  Rows parts = sql.rows("SELECT key, body FROM part WHERE key BETWEEN ? AND ? ORDER BY id", range.first, range.last);
  std::string joined;
  while (parts.next()) {
    if (const auto tail = tails.find(parts.integer(0)); tail != tails.end()) {
      TRY(const std::string text, with_tail(parts.text(1), tail->second));
      append_part(joined, text);
    } else {
      append_part(joined, parts.text(1));
    }
  }
  return "[" + joined + "]";
}

Result<MessagePage> message_page(Connection& sql, std::int64_t session, const MessageSlice& slice) {
  std::vector<Row> rows = newest_first(sql, session, slice);
  MessagePage page;
  if (slice.limit > 0 && std::ssize(rows) > slice.limit) {
    rows.pop_back();
    page.next = MessageCursor{{rows.back().id}, rows.back().created};
  }
  TRY_VOID(collect_parts(sql, rows));
  std::size_t bytes = 2;
  for (const Row& row : rows) bytes += row.info.size() + row.parts.size() + 24;
  page.json.reserve(bytes);
  page.json += '[';
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (row != rows.rbegin()) page.json += ',';
    page.json += "{\"info\":";
    page.json += row->info;
    page.json += ",\"parts\":";
    if (row->ascending) {
      page.json += '[';
      page.json += row->parts;
      page.json += ']';
    } else {
      TRY(const std::string sorted, parts_json(sql, row->key));
      page.json += sorted;
    }
    page.json += '}';
  }
  page.json += ']';
  return page;
}

}  // namespace quarterdeck::store::sqlite
