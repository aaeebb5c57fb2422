#include "store/sqlite/transcript.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "wire/message.hpp"

namespace quarterdeck::store::sqlite {
namespace {

struct Row {
  std::int64_t key;
  std::string id;
  TimeMs created;
  std::string info;
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
    found.push_back({rows.integer(0), std::string(rows.text(1)), rows.integer(2), std::string(rows.text(3))});
  }
  return found;
}

void append_part(std::string& parts, std::string_view json) {
  if (!parts.empty()) parts += ',';
  parts += json;
}

// The parts of messages, asked for in ascending order of their keys: one scan over all of them.
class PartScan {
 public:
  PartScan(Connection& sql, const Tails& tails, KeyRange range)
      : sql_(sql),
        tails_(tails),
        parts_(
            sql.rows("SELECT key, id, body FROM part WHERE key BETWEEN ? AND ? ORDER BY key", range.first, range.last)),
        more_(parts_.next()) {}

  // Appends [part,part…] of the next message.
  Result<> append(std::int64_t message, std::string& out) {
    while (more_ && parts_.integer(0) >> kPartBits < message) more_ = parts_.next();
    const std::size_t start = out.size();
    out += '[';
    last_id_.clear();
    bool ascending = true;
    for (; more_ && parts_.integer(0) >> kPartBits == message; more_ = parts_.next()) {
      if (out.size() > start + 1) out += ',';
      const std::string_view id = parts_.text(1);
      ascending &= last_id_ < id;
      last_id_ = id;
      if (const auto tail = tails_.find(parts_.integer(0)); tail != tails_.end()) {
        TRY(const std::string text, with_tail(parts_.text(2), tail->second));
        out += text;
      } else {
        out += parts_.text(2);
      }
    }
    out += ']';
    if (ascending) return {};
    out.resize(start);
    TRY(const std::string sorted, parts_json(sql_, message));
    out += sorted;
    return {};
  }

 private:
  Connection& sql_;
  const Tails& tails_;
  Rows parts_;
  bool more_;
  std::string last_id_;
};

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
  page.json = "[";
  if (rows.empty()) {
    page.json += ']';
    return page;
  }
  std::ranges::reverse(rows);
  const auto [lowest, highest] = std::ranges::minmax(rows, {}, &Row::key);
  const KeyRange all{parts_of(lowest.key).first, parts_of(highest.key).last};
  const Tails tails = tails_of(sql, all);
  std::optional<PartScan> scan;
  std::int64_t last_key = 0;
  for (const Row& row : rows) {
    if (page.json.size() > 1) page.json += ',';
    page.json += "{\"info\":";
    page.json += row.info;
    page.json += ",\"parts\":";
    // Clients name their messages and clocks go back: where a message is older than its number, the scan starts anew.
    if (!scan || row.key < last_key) {
      scan.reset();  // gives its statement back first
      scan.emplace(sql, tails, KeyRange{parts_of(row.key).first, all.last});
    }
    last_key = row.key;
    TRY_VOID(scan->append(row.key, page.json));
    page.json += '}';
  }
  page.json += ']';
  return page;
}

}  // namespace quarterdeck::store::sqlite
