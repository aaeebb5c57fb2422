#include "session/actor.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "permission/rules.hpp"
#include "session/instance.hpp"
#include "session/saved_rules.hpp"
#include "session/turn.hpp"
#include "session/turn_gate.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

metrics::Family<metrics::Counter> turns_ended("quarterdeck_turns_total", "Turns, by how they ended");

}  // namespace

Actor::Actor(Engine& engine, State state, std::function<void()> on_broken)
    : engine_(engine),
      state_(std::move(state)),
      journal_(engine.loop, engine.store, engine.feed, engine.histories,
               {state_.session.id, state_.session.directory, state_.session.project_id}),
      gate_(engine.loop),
      questions_(engine, *this) {
  // What runs on from here is not recorded: it stops, and the session goes on from what is stored.
  journal_.on_broken([this, on_broken = std::move(on_broken)] {
    leave_queue();
    abort();
    if (!working_) answer_all_waiters();  // nothing else will: another actor takes its place
    on_broken();
  });
}

void Actor::record(Event event) {
  session::apply(state_, event);
  journal_.record(std::move(event));
}

void Actor::record(std::vector<Event> events) {
  for (Event& event : events) record(std::move(event));
}

void Actor::set_status(Status status) {
  status_ = std::move(status);
  show(StatusChanged{status_});
}

Task<void> Actor::work(std::stop_token shutdown) {
  ASSERT(!working_, "one worker a session");
  working_ = true;
  while (!shutdown.stop_requested() && !broken() && !closed_ && engine_.store.admits()) {
    if (!state_.turn && state_.inbox.empty()) break;
    // A prompt that arrived just now may still be on its way to the disk, from where the turn reads it; and while we wait
    // another may come that goes before it.
    const MessageId prompt = state_.turn ? *state_.turn : state_.inbox.front();
    const auto admitted = co_await committed();
    if (!admitted || closed_) break;
    if (!state_.turn && (state_.inbox.empty() || state_.inbox.front() != prompt)) continue;
    if (!has_place_) has_place_ = !engine_.turn_gate || engine_.turn_gate->enter(state_.session, prompt);
    if (!has_place_) {
      co_await find_place(prompt, shutdown);
      continue;
    }
    turn_stop_.emplace();
    std::stop_callback on_shutdown(shutdown, [turn = *turn_stop_]() mutable { turn.request_stop(); });
    resumed_ = state_.turn.has_value();
    record(TurnStarted{prompt, state_.turn ? std::max(state_.turn_attempt, 0) + 1 : 1});
    failpoint::reach("session.turn.started");
    // A crash came between the interruption and its effect.
    if (resumed_ && state_.next_is(Delivery::interrupt)) turn_stop_->request_stop();
    std::string reason = co_await run_turn(prompt);
    if (std::exchange(turn_error_, std::nullopt)) reason = "error";
    // A turn that the shutdown cut off stays open in the store: the next start resumes it, and this attempt does not
    // count, because it was not the turn that ended the server.
    const bool cut_off = shutdown.stop_requested() && reason == "aborted";
    if (cut_off) {
      record(TurnStarted{prompt, state_.turn_attempt - 1});
    } else {
      turns_ended.with(metrics::label("reason", reason)).add();
      record(TurnEnded{prompt, reason});
    }
    // In the same commit: a crash finds the one turn or the other.
    if (const auto next = std::exchange(next_, {}); next && !closed_ && !cut_off) {
      record(TurnStarted{*next, 0});
      continued_[prompt] = *next;
      if (auto waiting = waiters_.extract(prompt); !waiting.empty()) waiters_[*next] = std::move(waiting.mapped());
    }
    failpoint::reach("session.turn.ended");
    turn_stop_.reset();
    if ((!state_.turn && state_.inbox.empty()) || shutdown.stop_requested() || closed_) rest();
    [[maybe_unused]] const auto stored = co_await committed();
    failpoint::reach("session.turn.end_committed");
    answer_waiters(prompt);
    if (!state_.turn) leave_place();
  }
  leave_place();
  working_ = false;
  rest();
  end_of_work();
  answer_all_waiters();
}

// What waits may be withdrawn or overtaken meanwhile: the caller looks again.
Task<void> Actor::find_place(MessageId prompt, std::stop_token shutdown) {
  std::stop_source& stop = queue_stop_.emplace();
  const std::stop_callback on_shutdown(std::move(shutdown), [&stop] { stop.request_stop(); });
  Session session = state_.session;
  has_place_ = co_await engine_.turn_gate->wait(std::move(session), std::move(prompt), stop.get_token());
  queue_stop_.reset();
}

void Actor::leave_place() {
  if (std::exchange(has_place_, false) && engine_.turn_gate) engine_.turn_gate->leave(state_.session);
}

void Actor::leave_queue() {
  if (queue_stop_) queue_stop_->request_stop();
}

// They learn the outcome from the store: nothing was lost, the rest was not begun.
void Actor::answer_all_waiters() {
  for (auto& [prompt, waiting] : std::exchange(waiters_, {})) {
    for (auto& answered : waiting) answered(Unit{});
  }
}

std::stop_token Actor::begin_shell() {
  ASSERT(!working_, "one worker a session");
  working_ = true;
  turn_stop_.emplace();
  set_status(busy());
  return turn_stop_->get_token();
}

void Actor::end_shell() {
  working_ = false;
  turn_stop_.reset();
  rest();
  end_of_work();
}

void Actor::rest() {
  if (status_.type == Status::Type::idle) return;
  set_status(idle());
  show(SessionIdle{});
}

Task<std::string> Actor::run_turn(MessageId prompt) {
  std::string reason = "error";
  try {
    set_status(busy());
    instance_ = co_await engine_.instances.open(state_.session.directory);
    Turn turn(engine_, *this, instance_, prompt, turn_stop_->get_token());
    reason = co_await turn.run();
  } catch (const std::exception& error) {
    log::error("session {}: turn failed: {}", state_.session.id.value, error.what());
    record(SessionFailed{{.name = "UnknownError", .message = "Internal error; see the server's log"}});
  }
  instance_.reset();
  early_answers_.clear();
  co_return reason;
}

Actor::Hold::Hold(Actor& actor) : actor_(actor) {
  ASSERT(!actor.working_, "one worker a session");
  actor.working_ = actor.held_ = true;
}

Actor::Hold::~Hold() {
  actor_.working_ = actor_.held_ = false;
  for (const auto& go_on : std::exchange(actor_.held_back_, {})) go_on(Unit{});
}

Task<void> Actor::free() {
  while (held_) {
    OneShot<Unit> free(engine_.loop);
    held_back_.push_back(free.setter());
    co_await free;
  }
}

bool Actor::abort() {
  if (!turn_stop_) return false;
  turn_stop_->request_stop();
  return true;
}

void Actor::interrupt(const std::optional<MessageId>& victim, const MessageId& by) {
  if (working_ && state_.turn == victim && state_.turn != by) abort();
}

void Actor::fail_turn(MessageError error) {
  if (!turn_stop_) return;
  turn_error_ = std::move(error);
  abort();
}

Task<void> Actor::close() {
  closed_ = true;
  leave_queue();
  abort();
  if (!working_) co_return;
  OneShot<Unit> resting(engine_.loop);
  closers_.push_back(resting.setter());
  co_await resting;
}

void Actor::end_of_work() {
  for (auto& resting : std::exchange(closers_, {})) resting(Unit{});
}

MessageId Actor::continued(MessageId prompt) const {
  for (auto next = continued_.find(prompt); next != continued_.end(); next = continued_.find(prompt)) {
    prompt = next->second;
  }
  return prompt;
}

Task<void> Actor::answered(MessageId prompt) {
  prompt = continued(std::move(prompt));
  const bool pending = state_.turn == prompt || std::ranges::find(state_.inbox, prompt) != state_.inbox.end();
  if (!pending || engine_.shutting_down()) co_return;
  OneShot<Unit> done(engine_.loop);
  waiters_[prompt].push_back(done.setter());
  co_await done;
}

void Actor::answer_waiters(const MessageId& prompt) {
  const auto waiting = waiters_.extract(prompt);
  if (waiting.empty()) return;
  for (const auto& answered : waiting.mapped()) answered(Unit{});
}

Result<void> not_busy(const Actor& actor) {
  if (!actor.working() && !actor.state().turn && actor.state().inbox.empty()) return {};
  return fail(ErrorCode::conflict, "Session is busy: {}", actor.state().session.id.value);
}

// ------------------------------------------------------------------------------------------------ permissions

Task<std::expected<Asked, tools::ToolFailure>> Actor::ask(tools::PermissionAsk ask, ToolRef call, const Agent& agent,
                                                          Instance&, std::stop_token stop) {
  const Ruleset none;
  const Ruleset& session_rules = state_.session.permission ? *state_.session.permission : none;
  bool needs_answer = false;
  for (const std::string& pattern : ask.patterns) {
    const Rule rule = permission::evaluate(ask.permission, pattern, {agent.permission, session_rules});
    if (rule.action == Action::deny) {
      Ruleset relevant;
      for (const Ruleset* rules : {&agent.permission, &session_rules}) {
        std::ranges::copy_if(*rules, std::back_inserter(relevant),
                             [&](const Rule& r) { return permission::matches(r.permission, ask.permission); });
      }
      co_return std::unexpected(tools::ToolFailure{.message = denied_by_rule_text(relevant)});
    }
    if (rule.action == Action::ask) needs_answer = true;
  }
  // What was allowed "always" answers a question; it does not lift what a rule denies.
  if (needs_answer) needs_answer = !always_allowed(ask.permission, ask.patterns, agent);

  // After a restart the same call asks again: its request is still open, and whoever saw it answers that one, or has
  // answered it before the call got here.
  const auto same = [&](const PermissionRequest& request) {
    return request.tool == call && request.permission == ask.permission && request.patterns == ask.patterns;
  };
  // What was answered about this very call holds, whatever has been allowed for good since.
  const auto early = std::ranges::find_if(early_answers_, [&](const auto& entry) { return same(entry.first); });
  if (early != early_answers_.end()) {
    const PermissionAnswer answer = std::move(early->second);
    early_answers_.erase(early);
    const auto stored = co_await committed();
    if (!stored) co_return std::unexpected(tools::ToolFailure{.message = stored.error().message});
    auto told = outcome(answer);
    if (!told) co_return std::unexpected(std::move(told.error()));
    co_return Asked::yes;
  }
  PermissionId id;
  for (const auto& [open, request] : state_.requests) {
    if (same(request)) id = open;
  }
  if (!needs_answer) {
    if (!id.empty()) record(PermissionReplied{id, Reply::always, {}});
    co_return Asked::no;
  }
  if (id.empty()) {
    id = engine_.ids.permission();
    record(PermissionAsked{PermissionRequest{.id = id,
                                             .session_id = state_.session.id,
                                             .permission = std::move(ask.permission),
                                             .patterns = std::move(ask.patterns),
                                             .metadata = std::move(ask.metadata),
                                             .always = std::move(ask.always),
                                             .tool = std::move(call)}});
  }
  failpoint::reach("session.permission.asked");
  const PermissionAnswer answer = co_await gate_.wait(id, stop);
  // An abort withdraws the question: nobody can answer it any more. A shutdown leaves it open for the next start.
  if (answer.cancelled && state_.requests.contains(id) && !engine_.shutting_down()) {
    record(PermissionReplied{id, Reply::reject, "The turn was aborted"});
  }
  auto told = outcome(answer);
  if (!told) co_return std::unexpected(std::move(told.error()));
  co_return Asked::yes;
}

void Actor::recall(std::vector<store::AnsweredRequest> answered) {
  for (store::AnsweredRequest& each : answered) {
    early_answers_.emplace_back(std::move(each.request),
                                PermissionAnswer{.reply = each.reply, .message = std::move(each.message)});
  }
}

bool Actor::asked(const ToolRef& call) const {
  return std::ranges::any_of(state_.requests, [&](const auto& entry) { return entry.second.tool == call; }) ||
         std::ranges::any_of(early_answers_, [&](const auto& entry) { return entry.first.tool == call; });
}

Task<Result<void>> Actor::reply(ReplyPermission reply) {
  auto decided = decide(state_, reply);
  if (!decided) co_return std::unexpected(decided.error());
  const PermissionRequest request = state_.requests.at(reply.request_id);
  const std::shared_ptr<Instance> instance = co_await engine_.instances.open(state_.session.directory);
  // Somebody else may have answered while we waited, or deleted the session.
  if (state_.deleted) co_return fail(ErrorCode::not_found, "Session not found: {}", state_.session.id.value);
  decided = decide(state_, reply);
  if (!decided) co_return std::unexpected(decided.error());
  if (reply.reply == Reply::always && !request.always.empty()) {
    RulesSaved saved;
    for (const std::string& pattern : request.always) {
      saved.rules.push_back({engine_.ids.other("rule"), request.permission, pattern});
    }
    record(std::move(saved));
  }
  const auto answer_to = [&](const PermissionId& id) {
    return PermissionAnswer{.reply = reply.reply, .message = id == reply.request_id ? reply.message : std::nullopt};
  };
  std::vector<PermissionId> waiting;
  for (Event& event : *decided) {
    const PermissionId id = std::get<PermissionReplied>(event).request_id;
    if (gate_.waiting(id)) {
      waiting.push_back(id);
    } else if (state_.turn) {
      early_answers_.emplace_back(state_.requests.at(id), answer_to(id));
    }
    record(std::move(event));
  }
  const auto stored = co_await committed();
  if (!stored) co_return std::unexpected(stored.error());
  failpoint::reach("session.permission.replied");
  for (const PermissionId& id : waiting) gate_.answer(id, answer_to(id));
  if (reply.reply == Reply::always) {
    if (const Agent* agent = instance->find_agent(state_.session.agent.value_or(""))) {
      release_now_allowed(*agent);
    }
  }
  co_return Result<void>();
}

bool Actor::always_allowed(const std::string& name, const std::vector<std::string>& patterns,
                           const Agent& agent) const {
  const Ruleset none;
  const Ruleset& session_rules = state_.session.permission ? *state_.session.permission : none;
  const Ruleset saved = saved_rules(engine_.query, state_.session);
  return std::ranges::all_of(patterns, [&](const std::string& pattern) {
    return permission::evaluate(name, pattern, {agent.permission, session_rules, saved}).action == Action::allow;
  });
}

void Actor::release_now_allowed(const Agent& agent) {
  for (const auto& [id, request] : std::map(state_.requests)) {
    if (!always_allowed(request.permission, request.patterns, agent)) continue;
    if (!gate_.waiting(id)) early_answers_.emplace_back(request, PermissionAnswer{.reply = Reply::always});
    record(PermissionReplied{id, Reply::always, {}});
    gate_.answer(id, {.reply = Reply::always});
  }
}

}  // namespace quarterdeck::session
