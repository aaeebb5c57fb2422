// Waiting for changes of attention: the cursor is the number of a record, so nothing is missed across restarts.
#include <algorithm>

#include "fleet/fleet.hpp"
#include "wire/fleet.hpp"

namespace quarterdeck::fleet {

using namespace domain;

Result<Change> Fleet::change_of(const store::RecordRow& row) {
  TRY(const Session session, engine_.query.session(row.session));
  TRY(const Standing standing, read_standing(engine_.query, row.session));
  TRY(Attention attention, wire::decode_attention(row.body.text));
  return Change{row.seq, row.session, session.title, standing.priority, standing.reply_to, std::move(attention)};
}

Result<std::vector<Change>> Fleet::changes_after(store::Seq after, std::size_t limit) {
  TRY(const auto rows,
      engine_.query.records(
          {.kind = std::string(kAttention), .after = after, .limit = static_cast<std::int64_t>(limit)}));
  std::vector<Change> out;
  for (const store::RecordRow& row : rows) {
    if (auto change = change_of(row)) out.push_back(std::move(*change));  // else deleted meanwhile
  }
  return out;
}

Result<Waited> Fleet::look(const Wait& wait) {
  Waited out{.cursor = std::max(wait.after.value_or(0), board_.last_seq())};
  if (wait.sessions.empty()) {
    const store::RecordFilter all{.kind = std::string(kAttention),
                                  .open_only = !wait.after,
                                  .after = wait.after.value_or(0),
                                  .limit = static_cast<std::int64_t>(wait.limit)};
    TRY(const auto rows, engine_.query.records(all));
    for (const store::RecordRow& row : rows) {
      if (auto change = change_of(row)) out.changes.push_back(std::move(*change));
    }
    if (!rows.empty() && rows.size() == wait.limit) {
      out.cursor = rows.back().seq;
    } else if (!rows.empty()) {
      out.cursor = std::max(out.cursor, rows.back().seq);
    }
    return out;
  }
  for (const SessionId& id : wait.sessions) {
    const auto session = engine_.query.session(id);
    if (!session) {
      out.gone.push_back(id);
      continue;
    }
    TRY(const auto rows,
        engine_.query.records(
            {.kind = std::string(kAttention), .session = id, .key = std::string(), .after = wait.after.value_or(0)}));
    if (!rows.empty()) {
      TRY(Change change, change_of(rows.front()));
      out.cursor = std::max(out.cursor, change.seq);
      out.changes.push_back(std::move(change));
    } else if (!wait.after) {
      TRY(Attention attention, board_.attention_of(*session));
      TRY(const Standing standing, read_standing(engine_.query, id));
      out.changes.push_back({0, id, session->title, standing.priority, standing.reply_to, std::move(attention)});
    }
  }
  std::ranges::sort(out.changes, {}, &Change::seq);
  return out;
}

Task<Result<Waited>> Fleet::wait(Wait wait) {
  if (wait.after && *wait.after > board_.last_seq()) {
    // Other events have numbers too: only what the store has not reached is of the future.
    CO_TRY(const store::Seq newest, engine_.query.last_seq());
    if (*wait.after > newest)
      co_return fail(ErrorCode::invalid, "Expected a cursor that was given before\n  at [\"after\"]");
  }
  if (!wait.after) co_await board_.settle();
  const TimeMs deadline = engine_.clock.now_ms() + wait.timeout_ms;
  for (;;) {
    std::stop_source changed;
    const std::size_t subscription = board_.changes()->subscribe([&changed] { changed.request_stop(); });
    auto found = look(wait);
    const std::int64_t left = deadline - engine_.clock.now_ms();
    const bool over = !found || !found->changes.empty() || !found->gone.empty() || !wait.after || left <= 0 ||
                      board_.changes()->closed();
    if (!over) co_await sleep_ms(engine_.loop, left, changed.get_token());
    board_.changes()->unsubscribe(subscription);
    if (over) co_return found;
  }
}

}  // namespace quarterdeck::fleet
