// What people and supervisors decide about a session.
#include "fleet/fleet.hpp"
#include "session/instance.hpp"
#include "wire/fleet.hpp"
#include "wire/result_schema.hpp"

namespace quarterdeck::fleet {

using namespace domain;

namespace {

constexpr std::string_view kNudge =
    "You have not made visible progress for a while. Say in one sentence what you are waiting for or trying, then go "
    "on "
    "with the next concrete step, take another way if this one does not work, or ask if you need a decision.";

}  // namespace

Task<Result<void>> Fleet::keep(const Session& session, const Standing& standing) {
  store::Batch batch{.session = session.id, .directory = session.directory, .project_id = session.project_id};
  batch.events.push_back(RecordPut{.kind = std::string(kStanding), .body = JsonText{wire::encode_standing(standing)}});
  CO_TRY_VOID(engine_.store.admits());
  Pending& pending = pending_[session.id];
  pending.newest = standing;
  ++pending.writes;
  const auto stored = co_await engine_.store.append(std::move(batch));
  if (--pending_[session.id].writes == 0) pending_.erase(session.id);
  CO_TRY_VOID(stored);
  co_return Result<void>();
}

Result<Standing> Fleet::newest_standing(const SessionId& id) {
  if (const auto found = pending_.find(id); found != pending_.end()) return found->second.newest;
  return read_standing(engine_.query, id);
}

Task<Result<void>> Fleet::change(SessionId id, StandingChange change) {
  CO_TRY(const Session session, engine_.query.session(id));
  if (change.agent || change.model) {
    const auto instance = co_await engine_.instances.open(session.directory);
    if (change.agent && !instance->find_agent(*change.agent)) {
      co_return fail(ErrorCode::invalid, "Agent not found: \"{}\"\n  at [\"agent\"]", *change.agent);
    }
    if (change.model && !instance->find_model(*change.model)) {
      co_return fail(ErrorCode::invalid, "Model not found: {}/{}\n  at [\"model\"]", change.model->provider_id,
                     change.model->model_id);
    }
  }
  if (change.title || change.agent || change.model) {
    UpdateSession update{.title = change.title, .agent = change.agent, .model = change.model};
    CO_TRY_VOID(co_await host_.update(id, std::move(update)));
  }
  if (!change.priority && !change.labels && !change.owner && !change.budget) co_return Result<void>();
  // Read after the last wait: two changes at once do not undo each other.
  CO_TRY(Standing standing, newest_standing(id));
  if (change.priority) standing.priority = *change.priority;
  if (change.labels) standing.labels = std::move(*change.labels);
  if (change.owner) standing.owner = std::move(*change.owner);
  if (change.budget) standing.budget = *change.budget;
  co_return co_await keep(session, standing);
}

Task<Result<void>> Fleet::decide(SessionId id, Decide what) {
  CO_TRY(const Session session, engine_.query.session(id));
  CO_TRY(Standing standing, newest_standing(id));
  const Standing before = standing;
  what(standing, engine_.clock.now_ms());
  if (standing == before) co_return Result<void>();
  co_return co_await keep(session, standing);
}

Task<Result<void>> Fleet::settle_work(SessionId id, Close how) {
  CO_TRY_VOID(engine_.query.session(id));
  const bool works = host_.status(id).type != Status::Type::idle || !host_.waiting(id).empty();
  if (!works) co_return Result<void>();
  if (how == Close::only_idle) {
    co_return fail(ErrorCode::conflict, "The session works. Stop it, or close it with {{\"stop\": true}}");
  }
  for (const session::Waiting& waiting : host_.waiting(id)) {
    [[maybe_unused]] const auto withdrawn = co_await host_.withdraw(id, waiting.message);
  }
  host_.abort(id);
  co_return Result<void>();
}

Task<Result<void>> Fleet::close(SessionId id, Close how) {
  CO_TRY_VOID(co_await settle_work(id, how));
  co_return co_await decide(id, [](Standing& standing, TimeMs now) {
    if (!standing.closed) standing.closed = standing.accepted = now;
  });
}

Task<Result<void>> Fleet::accept(SessionId id) {
  CO_TRY(const auto turn, engine_.query.last_turn(id));
  if (turn && !turn->reason) co_return fail(ErrorCode::conflict, "The session works: there is nothing to accept yet");
  CO_TRY(const Standing standing, read_standing(engine_.query, id));
  if (!turn || (standing.accepted && *standing.accepted >= turn->time)) co_return Result<void>();
  co_return co_await decide(id, [](Standing& changed, TimeMs now) { changed.accepted = now; });
}

Task<Result<void>> Fleet::reopen(SessionId id) {
  CO_TRY(const Session session, engine_.query.session(id));
  if (session.archived) {
    UpdateSession update;
    update.archived.emplace();
    CO_TRY_VOID(co_await host_.update(id, std::move(update)));
  }
  CO_TRY_VOID(co_await decide(id, [](Standing& standing, TimeMs) { standing.closed.reset(); }));
  board_.look_at(id);
  co_return Result<void>();
}

Task<Result<void>> Fleet::archive(SessionId id, Close how) {
  CO_TRY_VOID(co_await close(id, how));
  CO_TRY(const Session session, engine_.query.session(id));
  if (session.archived) co_return Result<void>();
  UpdateSession update;
  update.archived.emplace(engine_.clock.now_ms());
  CO_TRY_VOID(co_await host_.update(id, std::move(update)));
  co_return Result<void>();
}

Task<Result<MessageId>> Fleet::nudge(SessionId id, std::optional<std::string> text, std::optional<IdempotencyKey> key) {
  CO_TRY(const Session session, engine_.query.session(id));
  CO_TRY(const Attention now, board_.attention_of(session));
  Prompt prompt{.key = std::move(key)};
  // A step that hangs has no next boundary.
  prompt.delivery = now.state == Attention::State::stalled ? Delivery::interrupt : Delivery::steer;
  prompt.parts.push_back({.content = TextPart{.text = text.value_or(std::string(kNudge))}});
  co_return co_await tell(id, std::move(prompt));
}

// What was handed over asked for a result in some form: so does what is said later, unless it says so itself.
Task<Result<MessageId>> Fleet::tell(SessionId id, Prompt prompt) {
  CO_TRY(const Standing standing, read_standing(engine_.query, id));
  if (!prompt.format && standing.result_schema) prompt.format = wire::format_for(*standing.result_schema);
  co_return co_await host_.prompt(id, std::move(prompt));
}

}  // namespace quarterdeck::fleet
