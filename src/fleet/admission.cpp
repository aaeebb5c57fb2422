#include "fleet/admission.hpp"

#include <algorithm>

namespace quarterdeck::fleet {

using namespace domain;

namespace {

// Waits for somebody else, not for the machine.
bool lends(const Attention& attention) {
  using enum Attention::State;
  switch (attention.state) {
    case approve:
    case answer:
    case plan:
    case budget: return true;
    default: return false;
  }
}

bool any_limit(const SlotLimits& limits) {
  return limits.all < SlotLimits::kNone || limits.per_project < SlotLimits::kNone ||
         limits.per_provider < SlotLimits::kNone || limits.per_model < SlotLimits::kNone || !limits.named.empty();
}

}  // namespace

Admission::Admission(session::Engine& engine, Board& board, SlotLimits limits)
    : engine_(engine),
      board_(board),
      queue_(std::move(limits), [this](const SessionId& head) { return board_.priority_of(head); }),
      limited_(any_limit(queue_.limits())) {}

SessionId Admission::head_of_session(const Session& session) const {
  if (!session.parent_id) return session.id;
  const auto head = head_of(engine_.query, session.id);
  return head ? head->id : session.id;
}

SlotClaim Admission::claim_of(const Session& session, const MessageId& prompt) const {
  SlotClaim claim{.head = head_of_session(session), .project = session.project_id};
  const auto said = engine_.query.message(session.id, prompt);
  const auto* user = said ? std::get_if<UserMessage>(&said->info) : nullptr;
  if (user) {
    claim.provider = user->model.provider_id;
    claim.model = user->model.provider_id + "/" + user->model.model_id;
  }
  return claim;
}

TimeMs Admission::asked_at(const Session& session, const MessageId& prompt) const {
  const auto said = engine_.query.message(session.id, prompt);
  const auto* user = said ? std::get_if<UserMessage>(&said->info) : nullptr;
  return user ? std::min(user->created, engine_.clock.now_ms()) : engine_.clock.now_ms();
}

bool Admission::enter(const Session& session, const MessageId& prompt) {
  if (!limited_) return true;
  const SessionId head = head_of_session(session);
  if (const auto place = places_.find(head); place != places_.end()) {
    ++place->second.holders;
    return true;
  }
  if (!open_ || waiters_.contains(head)) return false;
  SlotClaim claim = claim_of(session, prompt);
  // Whoever waits for the same goes first; the queue sees to that.
  if (!queue_.waiting().empty() || !queue_.has_room(claim)) return false;
  queue_.take(claim);
  places_[head] = {.claim = std::move(claim), .holders = 1};
  return true;
}

Task<bool> Admission::wait(Session session, MessageId prompt, std::stop_token stop) {
  if (stop.stop_requested()) co_return false;
  const SessionId head = head_of_session(session);
  OneShot<bool> turn(engine_.loop);
  Waiter& waiter = waiters_[head];
  if (waiter.ticket == 0) {
    SlotClaim claim = claim_of(session, prompt);
    const auto last = engine_.query.last_turn(session.id);
    claim.under_way = last && *last && !(*last)->reason;
    waiter.ticket = queue_.add(std::move(claim), asked_at(session, prompt));
  }
  const std::size_t index = waiter.told.size();
  waiter.told.push_back(turn.setter());
  const auto give_up = [this, head, index] {
    const auto found = waiters_.find(head);
    if (found == waiters_.end()) return;  // it has its place
    found->second.told[index](false);
    if (++found->second.gone < found->second.told.size()) return;
    queue_.remove(found->second.ticket);
    waiters_.erase(found);
    if (!engine_.shutting_down()) board_.set_held_back(head, std::nullopt);
  };
  admit();
  if (waits(head)) say_why(head);
  const std::stop_callback stopped(std::move(stop), give_up);
  const bool admitted = co_await turn;
  co_return admitted;
}

void Admission::leave(const Session& session) {
  if (!limited_) return;
  const auto place = places_.find(head_of_session(session));
  if (place == places_.end() || --place->second.holders > 0) return;
  if (!place->second.lent) queue_.release(place->second.claim);
  places_.erase(place);
  admit();
}

void Admission::open() {
  open_ = true;
  admit();
}

void Admission::look_again() {
  if (limited_) admit();
}

void Admission::on_attention(const SessionId& head, const Attention& attention) {
  if (!limited_) return;
  const auto place = places_.find(head);
  if (place == places_.end() || place->second.lent == lends(attention)) return;
  place->second.lent = !place->second.lent;
  if (place->second.lent) {
    queue_.release(place->second.claim);
    admit();
  } else {
    queue_.take(place->second.claim);
  }
}

void Admission::admit() {
  if (!open_) return;
  const auto waiting = queue_.waiting();
  for (const std::uint64_t ticket : queue_.admit(engine_.clock.now_ms())) {
    const auto was = std::ranges::find(waiting, ticket, &SlotQueue::Waiting::ticket);
    const SessionId head = was->claim.head;
    auto waiter = waiters_.extract(head);
    Place& place = places_[head];
    place.claim = was->claim;
    place.holders = static_cast<int>(waiter.mapped().told.size() - waiter.mapped().gone);
    board_.clear_held_back(head);
    for (const auto& told : waiter.mapped().told) told(true);
  }
}

void Admission::say_why(const SessionId& head) {
  const auto found = std::ranges::find(queue_.waiting(), head, [](const auto& each) { return each.claim.head; });
  if (found == queue_.waiting().end()) return;
  const auto obstacle = queue_.obstacle(found->claim, engine_.clock.now_ms());
  board_.set_held_back(head, obstacle ? reason(*obstacle) : "Waits for a place: the server has just begun");
}

std::string Admission::reason(const SlotQueue::Obstacle& obstacle) const {
  const std::string where = obstacle.limit == "server" ? "this server runs" : "of " + obstacle.limit + " run";
  return fmt::format("Waits for a place: {} at most {} sessions at a time", where, obstacle.most);
}

std::vector<std::pair<SessionId, Waiting>> Admission::waiting() const {
  std::vector<std::pair<SessionId, Waiting>> out;
  const TimeMs now = engine_.clock.now_ms();
  const auto order = queue_.in_order(now);
  for (const SlotQueue::Waiting* each : order) {
    const auto obstacle = queue_.obstacle(each->claim, now);
    out.push_back({each->claim.head,
                   {.what = "session",
                    .limit = obstacle ? obstacle->limit : "server",
                    .reason = obstacle ? reason(*obstacle) : "Begins now",
                    .position = out.size() + 1,
                    .of = order.size(),
                    .since = each->since}});
  }
  return out;
}

bool Admission::waits(const SessionId& head) const { return waiters_.contains(head); }

}  // namespace quarterdeck::fleet
