// The roster: what needs somebody first.
#include <algorithm>
#include <charconv>
#include <ranges>

#include "fleet/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr std::size_t kLimitMax = 500;
constexpr int kQuietPagesMax = 20;

struct Place {
  int group = 0;
  int priority = 0;
  TimeMs since = 0;
  std::string id;
  auto operator<=>(const Place&) const = default;
};

Place place_of(const SessionId& id, const Board::Entry& entry) {
  return {static_cast<int>(entry.attention.group), static_cast<int>(entry.priority), entry.attention.since, id.value};
}

// "b.<group>.<priority>.<since>.<id>" on the board, "q.<updated>.<id>" among the quiet.
struct Cursor {
  std::optional<Place> board;
  std::optional<store::SessionCursor> quiet;
};

bool take_number(std::string_view& text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != '.') return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

Result<Cursor> parse_cursor(std::string_view text) {
  if (text.empty()) return Cursor{};
  const auto wrong = [] { return fail(ErrorCode::invalid, "Expected a cursor of the roster\n  at [\"cursor\"]"); };
  std::int64_t first = 0;
  if (text.starts_with("q.")) {
    text.remove_prefix(2);
    if (!take_number(text, first)) return wrong();
    return Cursor{.quiet = store::SessionCursor{first, {std::string(text)}}};
  }
  std::int64_t priority = 0;
  std::int64_t since = 0;
  if (!text.starts_with("b.")) return wrong();
  text.remove_prefix(2);
  if (!take_number(text, first) || !take_number(text, priority) || !take_number(text, since)) return wrong();
  return Cursor{.board = Place{static_cast<int>(first), static_cast<int>(priority), since, std::string(text)}};
}

bool has(const std::vector<std::string>& list, const std::string& what) {
  return std::ranges::find(list, what) != list.end();
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return !std::ranges::search(text, part, {}, lower, lower).empty();
}

bool wanted(const RosterFilter& filter, const RosterRow& row) {
  if (filter.group && row.attention.group != *filter.group) return false;
  if (filter.state && row.attention.state != *filter.state) return false;
  if (filter.priority && row.standing.priority != *filter.priority) return false;
  if (filter.project_id && row.project_id != *filter.project_id) return false;
  if (filter.directory && row.directory != *filter.directory) return false;
  if (filter.label && !has(row.standing.labels, *filter.label)) return false;
  if (filter.owner && row.standing.owner != filter.owner) return false;
  return filter.search.empty() || contains_ignoring_case(row.title, filter.search);
}

RosterRow row_of(const Session& session, Attention attention, Standing standing, store::Seq seq) {
  return {.session = session.id,
          .title = session.title,
          .project_id = session.project_id,
          .directory = session.directory,
          .attention = std::move(attention),
          .standing = std::move(standing),
          .cost = session.cost,
          .summary = session.summary,
          .agent = session.agent,
          .model = session.model,
          .created = session.created,
          .updated = session.updated,
          .seq = seq};
}

// What the pool works with: copies of the board's entries that may be wanted.
struct Reading {
  store::Query& query;
  RosterFilter filter;
  Cursor cursor;
  std::vector<std::pair<SessionId, Board::Entry>> board;  // sorted, after the cursor
  std::set<SessionId> on_board;
  AttentionPolicy policy;
  TimeMs now = 0;
};

Result<RosterRow> quiet_row(store::Query& query, const Session& session, const AttentionPolicy& policy, TimeMs now) {
  TRY(const Facts facts, read_facts(query, session));
  TRY(auto stored, read_attention(query, session.id));
  std::optional<Attention> before;
  if (stored) before = std::move(stored->attention);
  return row_of(session, attention(facts, before, policy, now), facts.standing, stored ? stored->seq : 0);
}

Result<void> add_children(store::Query& query, RosterRow& row) {
  TRY(const auto members, family(query, row.session));
  row.children = static_cast<int>(members.size()) - 1;
  return {};
}

Result<void> add_board(const Reading& at, RosterPage& page) {
  for (const auto& [id, entry] : at.board) {
    if (page.rows.size() == at.filter.limit) return {};
    const auto session = at.query.session(id);
    if (!session) continue;  // deleted meanwhile
    TRY(auto standing, read_standing(at.query, id));
    RosterRow row = row_of(*session, entry.attention, std::move(standing), entry.seq);
    if (!wanted(at.filter, row)) continue;
    TRY_VOID(add_children(at.query, row));
    const Place place = place_of(id, entry);
    page.next = fmt::format("b.{}.{}.{}.{}", place.group, place.priority, place.since, place.id);
    page.rows.push_back(std::move(row));
  }
  return {};
}

Result<void> add_quiet(const Reading& at, RosterPage& page) {
  store::SessionFilter list{.directory = at.filter.directory,
                            .project_id = at.filter.project_id,
                            .roots = true,
                            .search = at.filter.search,
                            .order = store::SessionOrder::newest,
                            .after = at.cursor.quiet,
                            .limit = static_cast<std::int64_t>(at.filter.limit)};
  if (!at.filter.archived) list.archived = false;
  for (int pages = 0; pages < kQuietPagesMax && page.rows.size() < at.filter.limit; ++pages) {
    TRY(const auto sessions, at.query.sessions(list));
    for (const Session& session : sessions) {
      if (page.rows.size() == at.filter.limit) return {};
      list.after = store::SessionCursor{session.updated, session.id};
      page.next = fmt::format("q.{}.{}", session.updated, session.id.value);
      if (at.on_board.contains(session.id)) continue;
      TRY(RosterRow row, quiet_row(at.query, session, at.policy, at.now));
      if (!wanted(at.filter, row)) continue;
      TRY_VOID(add_children(at.query, row));
      page.rows.push_back(std::move(row));
    }
    if (static_cast<std::int64_t>(sessions.size()) < list.limit) {
      page.next.clear();
      return {};
    }
  }
  return {};
}

Result<RosterPage> read_page(const Reading& at) {
  RosterPage page;
  if (!at.cursor.quiet) TRY_VOID(add_board(at, page));
  const bool quiet_too = !at.filter.group || *at.filter.group == Attention::Group::quiet;
  if (page.rows.size() == at.filter.limit) return page;
  page.next.clear();
  if (quiet_too) TRY_VOID(add_quiet(at, page));
  return page;
}

}  // namespace

Task<Result<RosterPage>> Fleet::roster(RosterFilter filter) {
  CO_TRY(Cursor cursor, parse_cursor(filter.cursor));
  filter.limit = std::clamp<std::size_t>(filter.limit, 1, kLimitMax);
  Reading at{.query = engine_.query,
             .filter = std::move(filter),
             .cursor = std::move(cursor),
             .policy = board_.policy(),
             .now = engine_.clock.now_ms()};
  std::map<Attention::Group, std::size_t> counts;
  for (const auto& [id, entry] : board_.entries()) {
    at.on_board.insert(id);
    if (at.filter.reaches && !at.filter.reaches(id)) continue;
    ++counts[entry.attention.group];
    if (at.filter.group && entry.attention.group != *at.filter.group) continue;
    if (at.cursor.board && place_of(id, entry) <= *at.cursor.board) continue;
    at.board.emplace_back(id, entry);
  }
  std::ranges::sort(at.board, {}, [](const auto& each) { return place_of(each.first, each.second); });
  const store::Seq seq = board_.last_seq();
  auto read = [at = std::move(at)] { return read_page(at); };
  CO_TRY(RosterPage page, co_await blocking(engine_.loop, engine_.pool, read));
  const auto waiting = all_waiting();
  for (RosterRow& row : page.rows) {
    if (const auto found = waiting.find(row.session); found != waiting.end()) row.waiting = found->second;
  }
  page.counts = std::move(counts);
  page.seq = seq;
  co_return page;
}

Result<RosterRow> Fleet::row(const SessionId& id) {
  TRY(const Session session, engine_.query.session(id));
  TRY(auto attention, board_.attention_of(session));
  TRY(auto standing, read_standing(engine_.query, id));
  TRY(const auto stored, read_attention(engine_.query, id));
  RosterRow row = row_of(session, std::move(attention), std::move(standing), stored ? stored->seq : 0);
  TRY_VOID(add_children(engine_.query, row));
  const auto waiting = all_waiting();
  if (const auto found = waiting.find(id); found != waiting.end()) row.waiting = found->second;
  return row;
}

Task<Result<std::optional<JsonText>>> Fleet::result(SessionId id) {
  constexpr std::int64_t kMessagesMax = 50;
  CO_TRY(const Standing standing, read_standing(engine_.query, id));
  if (!standing.result_schema) co_return std::optional<JsonText>();
  store::Query& query = engine_.query;
  auto read = [&query, id] { return query.messages_json(id, {.limit = kMessagesMax}); };
  CO_TRY(const store::MessagePage newest, co_await blocking(engine_.loop, engine_.pool, read));
  CO_TRY(const wire::Json messages, wire::parse(newest.json));
  for (const wire::Json& message : messages.get_array() | std::views::reverse) {
    const wire::Json* info = wire::value_at(message, "info");
    if (const wire::Json* given = info ? wire::value_at(*info, "structured") : nullptr) {
      co_return wire::to_json_text(*given);
    }
  }
  co_return std::optional<JsonText>();
}

// A place before a slot: without the one there is no asking for the other.
std::map<SessionId, Waiting> Fleet::all_waiting() const {
  std::map<SessionId, Waiting> out;
  if (admission_.limited()) {
    for (auto& [head, waiting] : admission_.waiting()) out.emplace(head, std::move(waiting));
  }
  if (slots_ && !slots_->queue().waiting().empty()) {
    for (auto& [head, waiting] : slots_->waiting()) out.emplace(head, std::move(waiting));
  }
  return out;
}

}  // namespace quarterdeck::fleet
