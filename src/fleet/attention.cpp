#include "fleet/attention.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace quarterdeck::fleet {

using namespace domain;
using Group = Attention::Group;
using State = Attention::State;

namespace {

constexpr std::size_t kEvidenceMax = 10;

Attention asked(const Facts& facts) {
  const OpenRequest& first = facts.requests.front();
  const std::size_t more = facts.requests.size() - 1;
  const std::string others = more > 0 ? fmt::format(" (and {} more)", more) : "";
  Attention out{.group = Group::needs_you};
  switch (first.kind) {
    case OpenRequest::Kind::permission:
      out.state = State::approve;
      out.reason = fmt::format("Asks to {}{}", first.text, others);
      break;
    case OpenRequest::Kind::question:
      out.state = State::answer;
      out.reason = fmt::format("Asks: {}{}", first.text, others);
      break;
    case OpenRequest::Kind::plan:
      out.state = State::plan;
      out.reason = fmt::format("Has a plan to approve{}", others);
      break;
  }
  for (const OpenRequest& each : facts.requests) {
    if (out.evidence.size() == kEvidenceMax) break;
    out.evidence.push_back(
        {each.kind == OpenRequest::Kind::permission ? "request" : "question", each.id, each.session.value});
  }
  return out;
}

// The turn runs.
Attention at_work(const Facts& facts) {
  const Facts::Turn& turn = *facts.turn;
  Attention out{.group = Group::working, .evidence = {{"turn", turn.prompt.value, ""}}};
  if (facts.status.type == Status::Type::retry) {
    out.state = State::retrying;
    out.reason = fmt::format("Asks the model again: {}", facts.status.message);
    out.next = Attention::Next{"asks the model again", facts.status.next};
    return out;
  }
  out.state = turn.answered ? State::working : State::starting;
  out.reason = turn.answered ? "Works on a prompt" : "Begins to work on a prompt";
  return out;
}

bool seen(const Facts& facts) { return facts.standing.accepted && *facts.standing.accepted >= facts.turn->time; }

bool refuses_key(const MessageError& error) {
  return error.name == "ProviderAuthError" || error.status_code == 401 || error.status_code == 403;
}

Attention after_work(const Facts& facts) {
  const Facts::Turn& turn = *facts.turn;
  Attention out{.evidence = {{"turn", turn.prompt.value, *turn.reason}}};
  if (*turn.reason == "error") {
    const std::string why = turn.error ? turn.error->message : "the turn failed";
    if (seen(facts)) {
      out.reason = fmt::format("Failed, and that was seen: {}", why);
      return out;
    }
    const bool login = turn.error && refuses_key(*turn.error);
    out.group = Group::needs_you;
    out.state = login ? State::login : State::failed;
    out.reason = login ? fmt::format("The provider refuses the key: {}", why) : fmt::format("Failed: {}", why);
    if (turn.error) out.evidence.push_back({"error", turn.error->name, turn.error->message});
    return out;
  }
  if (*turn.reason == "aborted" || *turn.reason == "rejected") {
    out.reason = *turn.reason == "aborted" ? "Was stopped" : "Ended because a request was rejected";
    return out;
  }
  const bool has_result = facts.standing.handed_over || facts.files_changed > 0;
  if (has_result && !seen(facts)) {
    out.group = Group::ready_for_review;
    out.state = State::ready;
    out.reason = facts.files_changed > 0 ? fmt::format("Ended its work: {} files changed", facts.files_changed)
                                         : "Ended its work";
    return out;
  }
  out.reason = has_result ? "Ended its work, and that was accepted" : "Waits for a prompt";
  return out;
}

Attention judged(const Facts& facts) {
  if (facts.standing.closed || facts.archived) {
    const bool closed = facts.standing.closed.has_value();
    return {.state = State::done, .reason = closed ? "Was closed" : "Was archived"};
  }
  if (!facts.requests.empty()) return asked(facts);
  const bool has_work = (facts.turn && !facts.turn->reason) || facts.waiting > 0;
  if (facts.over_budget && has_work) {
    return {.group = Group::needs_you, .state = State::budget, .reason = *facts.over_budget};
  }
  if (facts.stall) {
    return {.group = Group::needs_you,
            .state = State::stalled,
            .reason = facts.stall->text,
            .evidence = {{"stall", facts.stall->id, facts.stall->kind}},
            .stall = facts.stall->kind};
  }
  if (facts.turn && !facts.turn->reason && !facts.held_back) return at_work(facts);
  if (facts.waiting > 0 || facts.held_back) {
    return {.group = Group::queued,
            .state = State::queued,
            .reason = facts.held_back.value_or("Waits for its turn"),
            .next = Attention::Next{"begins when there is room", {}}};
  }
  if (facts.turn) return after_work(facts);
  return {.reason = "Has not been asked anything yet"};
}

TimeMs began(const Facts& facts, const Attention& now_is, TimeMs now) {
  if (now_is.group == Group::needs_you && now_is.state != State::failed && now_is.state != State::login) return now;
  if (facts.standing.closed && now_is.state == State::done) return *facts.standing.closed;
  if (facts.turn && facts.turn->time > 0) return std::min(facts.turn->time, now);
  return facts.turn ? now : facts.created;
}

}  // namespace

bool same(const Attention& a, const Attention& b) {
  return a.group == b.group && a.state == b.state && a.reason == b.reason && a.evidence == b.evidence &&
         a.stall == b.stall && a.warning == b.warning;
}

Attention attention(const Facts& facts, const std::optional<Attention>& before, const AttentionPolicy& policy,
                    TimeMs now) {
  Attention out = judged(facts);
  if (facts.warning && out.group != Group::quiet) out.warning = fmt::format("80 % of a budget: {}", *facts.warning);
  const bool goes_on = before && before->state == out.state && before->evidence == out.evidence;
  out.since = goes_on ? before->since : began(facts, out, now);
  if (out.state == State::stalled && facts.nudge) {
    // A word may be enough: first that, then the supervisor, then a person.
    out.group = Group::with_supervisor;
    out.next = facts.nudge;
    return out;
  }
  if (out.group == Group::needs_you && facts.standing.owner) {
    // The supervisor goes first; a person is asked when they stay silent.
    const TimeMs until = out.since + policy.supervisor_ms[static_cast<std::size_t>(facts.standing.priority)];
    if (now < until) {
      out.group = Group::with_supervisor;
      out.next = Attention::Next{fmt::format("goes from {} to a person", *facts.standing.owner), until};
    }
  }
  return out;
}

}  // namespace quarterdeck::fleet
