#include "fleet/board.hpp"

#include "base/log.hpp"
#include "wire/event.hpp"
#include "wire/fleet.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr std::int64_t kLookLaterMs = 100;

bool went_well(const store::StoredEvent& turn_ended) {
  return turn_ended.properties->contains("\"reason\":\"completed\"");
}

// Which events can change what a session needs.
bool matters(const store::StoredEvent& event) {
  const std::string_view type = event.type;
  if (type == "session.updated") return event.properties->contains("\"archived\"");
  if (type == "quarterdeck.record.put") return event.properties->contains("\"kind\":\"standing\"");
  if (type == "quarterdeck.turn.ended") return !went_well(event);
  return type.starts_with("permission.") || type.starts_with("question.");
}

// Those that nobody has to act on at once.
bool can_wait(const store::StoredEvent& event) {
  return event.type == "quarterdeck.prompt.admitted" || event.type == "quarterdeck.turn.started" ||
         (event.type == "quarterdeck.turn.ended" && went_well(event));
}

bool is_attention(const store::StoredEvent& event) {
  return event.type == "quarterdeck.record.put" && event.properties->contains("\"kind\":\"attention\"");
}

}  // namespace

Board::Board(session::Engine& engine, session::Host& host, AttentionPolicy policy)
    : engine_(engine), host_(host), policy_(policy), later_(engine.loop) {}

Task<void> Board::shutdown() {
  later_.stop();
  co_await later_.join();
}

Task<Result<void>> Board::recover() {
  store::Query& query = engine_.query;
  struct Found {
    std::vector<store::RecordRow> records;
    std::vector<SessionId> failed;
  };
  auto read = [&query]() -> Result<Found> {
    Found found;
    TRY(found.records, query.records({.kind = std::string(kAttention), .open_only = true, .limit = 1'000'000}));
    TRY(found.failed, query.sessions_ended_with("error"));
    return found;
  };
  const auto found = co_await blocking(engine_.loop, engine_.pool, read);
  if (!found) co_return std::unexpected(found.error());
  std::set<SessionId> look;
  for (const store::RecordRow& row : found->records) {
    auto attention = wire::decode_attention(row.body.text);
    if (!attention) {
      log::warn("the attention of {} cannot be read: {}", row.session.value, attention.error().message);
      look.insert(row.session);
      continue;
    }
    entries_.try_emplace(row.session, Entry{std::move(*attention), Priority::P2, row.seq});
    look.insert(row.session);
  }
  look.insert(found->failed.begin(), found->failed.end());
  CO_TRY(const std::vector<SessionId> working, query.sessions_with_work());
  look.insert(working.begin(), working.end());
  CO_TRY(last_seq_, query.last_seq());
  recovered_ = true;
  for (const SessionId& each : look) look_at(each);
  co_return Result<void>();
}

void Board::on_commit(std::span<const store::StoredEvent> events) {
  std::set<SessionId> changed;
  bool told = false;
  for (const store::StoredEvent& event : events) {
    if (is_attention(event)) {
      if (const auto found = entries_.find(event.session); found != entries_.end()) found->second.seq = event.seq;
      last_seq_ = event.seq;
      told = true;
    } else if (event.type == "session.deleted") {
      entries_.erase(event.session);
      stirred_.erase(event.session);
      stalls_.erase(event.session);
      held_back_.erase(event.session);
      over_budget_.erase(event.session);
      warnings_.erase(event.session);
      nudges_.erase(event.session);
      last_seq_ = event.seq;
      told = true;
    } else if (event.type == "message.updated") {
      const auto found = entries_.find(event.session);
      if (found != entries_.end() && found->second.attention.state == Attention::State::starting) {
        stirred_.insert(event.session);
      }
    } else if (event.type == "message.removed") {
      // A prompt that waited was taken back.
      const auto found = entries_.find(event.session);
      if (found != entries_.end() && found->second.attention.group == Attention::Group::queued) {
        changed.insert(event.session);
      }
    } else if (can_wait(event)) {
      stirred_.insert(event.session);
    } else if (matters(event)) {
      changed.insert(event.session);
    }
  }
  if (told) changes_->tell();
  if (!recovered_) return;  // recover() looks at all of them
  for (const SessionId& each : changed) look_at(each);
  if (!stirred_.empty() && !looks_later_) later_.spawn(look_later());
}

Task<void> Board::look_later() {
  looks_later_ = true;
  const bool waited = co_await sleep_ms(engine_.loop, kLookLaterMs, later_.token());
  looks_later_ = false;
  if (waited) look_at_stirred();
}

void Board::look_at_stirred() {
  for (const SessionId& each : std::exchange(stirred_, {})) look_at(each);
}

const std::map<SessionId, Board::Entry>& Board::entries() {
  look_at_stirred();
  return entries_;
}

Task<void> Board::settle() {
  look_at_stirred();
  while (*being_stored_ > 0 && !changes_->closed()) {
    OneShot<Unit> told(engine_.loop);
    const std::size_t subscription = changes_->subscribe([tell = told.setter()] { tell(Unit{}); });
    co_await told;
    changes_->unsubscribe(subscription);
  }
}

Priority Board::priority_of(const SessionId& head) const {
  if (const auto found = entries_.find(head); found != entries_.end()) return found->second.priority;
  const auto standing = read_standing(engine_.query, head);
  return standing ? standing->priority : Priority::P2;
}

Result<Facts> Board::facts_of(const Session& session) const {
  TRY(Facts facts, read_facts(engine_.query, session));
  facts.status = host_.status(session.id);
  if (const auto found = stalls_.find(session.id); found != stalls_.end()) facts.stall = found->second;
  if (const auto found = held_back_.find(session.id); found != held_back_.end()) facts.held_back = found->second;
  if (const auto found = over_budget_.find(session.id); found != over_budget_.end()) facts.over_budget = found->second;
  if (const auto found = nudges_.find(session.id); found != nudges_.end()) facts.nudge = found->second;
  if (const auto found = warnings_.find(session.id); found != warnings_.end()) facts.warning = found->second;
  return facts;
}

Result<Attention> Board::attention_of(const Session& session) {
  if (stirred_.contains(session.id)) look_at(session.id);
  if (const auto found = entries_.find(session.id); found != entries_.end()) return found->second.attention;
  TRY(const Facts facts, facts_of(session));
  std::optional<Attention> before;
  TRY(auto stored, read_attention(engine_.query, session.id));
  if (stored) before = std::move(stored->attention);
  return attention(facts, before, policy_, engine_.clock.now_ms());
}

void Board::look_at(const SessionId& id) {
  stirred_.erase(id);
  const auto session = head_of(engine_.query, id);
  if (!session) {
    entries_.erase(id);
    return;
  }
  // How its last turn ends is nobody's result: the next that is told of it is that it is gone.
  if (host_.deleting(session->id)) return;
  const auto facts = facts_of(*session);
  if (!facts) return log::warn("the attention of {} is unknown: {}", id.value, facts.error().message);
  const auto found = entries_.find(session->id);
  std::optional<Attention> before;
  if (found != entries_.end()) {
    before = found->second.attention;
    found->second.priority = facts->standing.priority;
  } else if (auto stored = read_attention(engine_.query, session->id); stored && *stored) {
    before = std::move((*stored)->attention);
  }
  Attention now = attention(*facts, before, policy_, engine_.clock.now_ms());
  if (now.next && now.next->at) soonest_due_ = std::min(soonest_due_, *now.next->at);
  const bool quiet = now.group == Attention::Group::quiet;
  if (before && same(*before, now)) {
    if (found != entries_.end()) found->second.attention.next = now.next;
    if (found == entries_.end() && !quiet) {
      entries_[session->id] = {std::move(now), facts->standing.priority, 0};
    }
    return;
  }
  // A session that was never looked at and needs nothing has nothing to tell.
  if (!before && quiet && !facts->turn && !facts->standing.closed) return;
  if (quiet) {
    entries_.erase(session->id);
  } else {
    entries_[session->id] = {now, facts->standing.priority, found == entries_.end() ? 0 : found->second.seq};
  }
  keep(*session, now);
  if (on_attention_) on_attention_(session->id, now);
}

void Board::keep(const Session& session, const Attention& attention) {
  store::Batch batch{.session = session.id, .directory = session.directory, .project_id = session.project_id};
  batch.events.push_back(RecordPut{.kind = std::string(kAttention),
                                   .open = attention.group != Attention::Group::quiet,
                                   .body = JsonText{wire::encode_attention(attention)}});
  ++*being_stored_;
  auto stored = [id = session.id, count = being_stored_, changes = changes_](store::EventStore::Appended appended) {
    if (--*count == 0) changes->tell();
    if (!appended && appended.error().code != ErrorCode::not_found) {
      log::warn("the attention of {} was not stored: {}", id.value, appended.error().message);
    }
  };
  engine_.store.append(std::move(batch), std::move(stored));
}

void Board::set_stall(const SessionId& session, std::optional<Stall> stall) {
  if (!stall && stalls_.erase(session) == 0) return;
  if (stall) stalls_[session] = std::move(*stall);
  look_at(session);
}

void Board::set_held_back(const SessionId& session, std::optional<std::string> why) {
  if (!why && held_back_.erase(session) == 0) return;
  if (why) held_back_[session] = std::move(*why);
  look_at(session);
}

void Board::set_nudge(const SessionId& session, std::optional<Attention::Next> nudge) {
  if (!nudge && nudges_.erase(session) == 0) return;
  if (nudge) nudges_[session] = std::move(*nudge);
  look_at(session);
}

// Told once: its numbers move with every step.
void Board::set_warning(const SessionId& session, std::optional<std::string> warning) {
  if (warning ? warnings_.contains(session) : warnings_.erase(session) == 0) return;
  if (warning) warnings_[session] = std::move(*warning);
  look_at(session);
}

void Board::set_over_budget(const SessionId& session, std::optional<std::string> why) {
  if (!why && over_budget_.erase(session) == 0) return;
  if (why) over_budget_[session] = std::move(*why);
  look_at(session);
}

void Board::tick() {
  const TimeMs now = engine_.clock.now_ms();
  std::vector<SessionId> due;
  for (const auto& [id, entry] : entries_) {
    const bool over = entry.attention.next && entry.attention.next->at && *entry.attention.next->at <= now;
    const bool retries =
        (host_.status(id).type == Status::Type::retry) != (entry.attention.state == Attention::State::retrying);
    if (over || (retries && entry.attention.group == Attention::Group::working)) due.push_back(id);
  }
  for (const SessionId& id : due) look_at(id);
}

TimeMs Board::next_due() {
  soonest_due_ = kNever;
  for (const auto& [id, entry] : entries_) {
    if (entry.attention.next && entry.attention.next->at) {
      soonest_due_ = std::min(soonest_due_, *entry.attention.next->at);
    }
  }
  return soonest_due_;
}

}  // namespace quarterdeck::fleet
