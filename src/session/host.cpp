#include "session/host.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "session/attachments.hpp"
#include "session/instance.hpp"
#include "session/mentions.hpp"
#include "session/subagents.hpp"
#include "session/title.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::int64_t kBrokenRetryMs = 5'000;

std::string text_of(const Prompt& prompt) {
  std::string text;
  for (const PromptPart& part : prompt.parts) {
    const auto* said = std::get_if<TextPart>(&part.content);
    if (said && !said->synthetic.value_or(false)) text += said->text + "\n";
  }
  return text;
}

std::unexpected<Error> no_such(const SessionId& id) {
  return fail(ErrorCode::not_found, "Session not found: {}", id.value);
}

Result<void> same_request(const IdempotencyKey& key, const std::string& fingerprint) {
  if (key.fingerprint == fingerprint) return {};
  const std::string sent = key.key.substr(key.key.find(' ') + 1);
  return std::unexpected(Error{ErrorCode::conflict,
                               fmt::format("The Idempotency-Key \"{}\" was used for another request", sent),
                               R"(["Idempotency-Key"])"});
}

}  // namespace

Host::Host(Engine& engine)
    : engine_(engine), subagents_(std::make_unique<Subagents>(engine, *this)), turns_(engine.loop) {
  engine_.children = subagents_.get();
  engine_.store.observe_health([this](const store::Health& health) { on_store_health(health); });
}
Host::~Host() {
  engine_.store.observe_health(nullptr);
  engine_.children = nullptr;
}

// ------------------------------------------------------------------------------------------------ actors

Result<std::shared_ptr<Actor>> Host::actor(const SessionId& id) {
  if (const auto found = actors_.find(id); found != actors_.end()) {
    if (!found->second->broken()) {
      if (found->second->state().deleted) return no_such(id);
      return found->second;
    }
    // Its events did not reach the disk: what is stored is the truth, so it starts over from there.
    if (found->second->working()) TRY_VOID(engine_.store.admits());
    if (found->second->working()) return fail(ErrorCode::unavailable, "The session cannot be written at the moment");
    actors_.erase(found);
  }
  TRY(Session session, engine_.query.session(id));
  TRY(store::SessionWork work, engine_.query.work(id));
  TRY(auto requests, engine_.query.open_requests(id));
  State state;
  state.session = std::move(session);
  for (const auto& waiting : work.inbox) session::apply(state, PromptAdmitted{waiting.message, waiting.delivery});
  state.turn = std::move(work.turn);
  state.turn_attempt = work.attempt;
  for (auto& request : requests) state.requests.emplace(request.id, std::move(request));
  const bool open_turn = state.turn.has_value();
  TRY(auto questions, engine_.query.open_questions(id));
  for (auto& question : questions) state.questions.emplace(question.id, std::move(question));
  const std::shared_ptr<Actor> made = add_actor(std::move(state));
  if (open_turn) {
    TRY(auto answered, engine_.query.answered_requests(id));
    made->recall(std::move(answered));
  }
  if (broken_.erase(id) > 0) TRY_VOID(end_interrupted_shells(id));
  return made;
}

std::shared_ptr<Actor> Host::add_actor(State state) {
  const SessionId id = state.session.id;
  auto made = std::make_shared<Actor>(engine_, std::move(state), [this, id] {
    broken_.insert(id);
    if (!engine_.shutting_down()) turns_.spawn(take_up_again(id));
  });
  actors_.emplace(id, made);
  return made;
}

// An actor without work is dropped: memory belongs to sessions that do something.
void Host::release(const std::shared_ptr<Actor>& actor) {
  if (actor->working() || !actor->state().inbox.empty() || actor->state().turn) return;
  const auto found = actors_.find(actor->state().session.id);
  // This reference, the map's, and no other.
  if (found != actors_.end() && found->second == actor && actor.use_count() <= 2) actors_.erase(found);
}

// Its events were not stored. Meanwhile another may have taken its place, and work: that one stays.
void Host::drop(const std::shared_ptr<Actor>& broken) {
  const auto found = actors_.find(broken->state().session.id);
  if (found != actors_.end() && found->second == broken && !broken->working()) actors_.erase(found);
}

void Host::wake(const std::shared_ptr<Actor>& actor) {
  if (actor->working() || engine_.shutting_down() || !engine_.store.admits()) return;
  turns_.spawn(run(actor));
}

Task<void> Host::run(std::shared_ptr<Actor> actor) {
  co_await actor->work(engine_.shutdown);
  release(actor);
}

// The disk is full or gone. What is stored goes on when it can be written again.
Task<void> Host::take_up_again(SessionId id) {
  for (;;) {
    const bool waited = co_await sleep_ms(engine_.loop, kBrokenRetryMs, engine_.shutdown);
    if (!waited) co_return;
    const auto again = actor(id);
    if (!again && again.error().code == ErrorCode::unavailable) continue;
    // When the disk is still full, the new actor breaks in its turn, and this begins again.
    if (again) wake(*again);
    co_return;
  }
}

// A disk that fills up ends what runs while there is still room to say so; queued prompts go on when there is room.
void Host::on_store_health(const store::Health& health) {
  if (engine_.shutting_down()) return;
  if (health.state == store::Health::State::ok) {
    wake_unfinished();
    return;
  }
  for (const auto& [id, actor] : std::map(actors_)) {
    actor->fail_turn({.name = "UnknownError", .message = health.reason});
  }
}

void Host::wake_unfinished() {
  const auto unfinished = engine_.query.sessions_with_work();
  if (!unfinished) return;
  for (const SessionId& id : *unfinished) {
    const auto found = actor(id);
    if (found) wake(*found);
  }
}

// ------------------------------------------------------------------------------------------------ life of the host

Task<Result<void>> Host::recover() {
  failpoint::reach("session.recover.begin");
  CO_TRY(const std::vector<std::shared_ptr<Actor>> ended, end_interrupted_shells());
  co_await finish_reverts();
  co_await finish_rollbacks();
  CO_TRY(const std::vector<SessionId> unfinished, engine_.query.sessions_with_work());
  for (const SessionId& id : unfinished) {
    CO_TRY(const std::shared_ptr<Actor> found, actor(id));
    wake(found);
    failpoint::reach("session.recover.taken_up");
  }
  CO_TRY_VOID(subagents_->recover());
  if (!unfinished.empty()) log::info("recovery: took up {} unfinished sessions", unfinished.size());
  for (const std::shared_ptr<Actor>& each : ended) {
    CO_TRY_VOID(co_await each->committed());
    release(each);
  }
  co_return Result<void>();
}

Task<void> Host::shutdown() {
  co_await turns_.join();
  co_await subagents_->join();
  for (const auto& [id, actor] : std::exchange(actors_, {})) actor->answer_all_waiters();
}

// ------------------------------------------------------------------------------------------------ commands

Task<Result<Session>> Host::create(CreateSession command) {
  if (!command.key) co_return co_await make_session(std::move(command));
  const IdempotencyKey key = *command.key;
  // Two at once: the second waits for what the first did.
  while (creating_.contains(key.key)) {
    OneShot<Unit> done(engine_.loop);
    creating_[key.key].push_back(done.setter());
    co_await done;
  }
  CO_TRY(const std::optional<store::UsedKey> used, engine_.query.used_key(key.key));
  if (used) {
    CO_TRY_VOID(same_request(key, used->fingerprint));
    co_return engine_.query.session(used->session);
  }
  struct Making {
    Making(Waiters& all, std::string which) : waiters(all), key(std::move(which)) { waiters[key]; }
    ~Making() {
      const auto waiting = waiters.extract(key);
      for (const auto& go_on : waiting.mapped()) go_on(Unit{});
    }
    Making(const Making&) = delete;
    Making& operator=(const Making&) = delete;
    Waiters& waiters;
    std::string key;
  };
  const Making making(creating_, key.key);
  co_return co_await make_session(std::move(command));
}

Task<Result<Session>> Host::make_session(CreateSession command) {
  CO_TRY_VOID(engine_.store.admits());
  CO_TRY_VOID(engine_.options.roots.check(command.directory));
  const std::shared_ptr<Instance> instance = co_await engine_.instances.open(command.directory);
  if (command.id) {
    // Looked for here, where nothing else happens before the actor is there.
    if (const auto known = actors_.find(*command.id); known != actors_.end()) co_return known->second->state().session;
    if (auto known = engine_.query.session(*command.id)) co_return std::move(*known);
  }
  if (command.parent_id) {
    CO_TRY(const std::shared_ptr<Actor> parent, actor(*command.parent_id));
    if (parent->closing()) co_return no_such(*command.parent_id);
    release(parent);
  }
  Project project = instance->location.project;
  command.directory = instance->location.directory.string();
  project.created = project.updated = engine_.clock.now_ms();
  if (const auto known = engine_.query.project(project.id)) {
    project.created = known->created;
    project.name = known->name;
    project.icon = known->icon;
    project.commands = known->commands;
  }
  // Not awaited: the store keeps the order and the session's commit below covers both.
  engine_.store.put_project(project, {});
  Session session = new_session(command, project, instance->location.path, engine_.ids, engine_.clock.now_ms(),
                                engine_.options.version);
  State state;
  state.session = session;
  const std::shared_ptr<Actor> made = add_actor(std::move(state));
  made->record(SessionCreated{session});
  if (command.key) made->record(KeyUsed{*command.key});
  for (RecordPut& record : command.records) made->record(std::move(record));
  failpoint::reach("session.create.recorded");
  const auto stored = co_await made->committed();
  if (!stored) {
    drop(made);
    co_return std::unexpected(stored.error());
  }
  failpoint::reach("session.create.committed");
  release(made);
  co_return session;
}

Task<Result<Session>> Host::update(SessionId id, UpdateSession command) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  found->record(decide(found->state(), command, engine_.clock.now_ms()));
  CO_TRY_VOID(co_await found->committed());
  Session session = found->state().session;
  release(found);
  co_return session;
}

Task<Result<void>> Host::change_metadata(SessionId id, MetadataChange change) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  if (auto changed = change(found->state().session.metadata)) {
    UpdateSession command{.metadata = std::move(*changed)};
    found->record(decide(found->state(), command, engine_.clock.now_ms()));
  }
  CO_TRY_VOID(co_await found->committed());
  release(found);
  co_return Result<void>();
}

// Those on their way to the disk, too.
Result<std::vector<SessionId>> Host::children(const SessionId& id) {
  TRY(std::vector<SessionId> all, engine_.query.children(id));
  for (const auto& [child, actor] : actors_) {
    const State& state = actor->state();
    if (state.session.parent_id != id || state.deleted || actor->broken()) continue;
    if (std::ranges::find(all, child) == all.end()) all.push_back(child);
  }
  return all;
}

// Its children go first. It is closed before: a turn that runs could make more of them.
Task<Result<void>> Host::remove(SessionId id) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  co_await found->close();
  for (;;) {
    auto left = children(id);
    if (left && left->empty()) break;
    for (const SessionId& child : left.value_or(std::vector<SessionId>())) {
      const auto removed = co_await remove(child);
      if (!removed && removed.error().code != ErrorCode::not_found) left = std::unexpected(removed.error());
      if (!left) break;
    }
    if (left) continue;
    found->reopen();
    wake(found);
    co_return std::unexpected(left.error());
  }
  engine_.processes.kill_owner(id.value);
  if (found->state().deleted) co_return no_such(id);
  found->record(SessionDeleted{found->state().session});
  failpoint::reach("session.delete.recorded");
  const auto stored = co_await found->committed();
  found->answer_all_waiters();
  CO_TRY_VOID(stored);
  failpoint::reach("session.delete.committed");
  actors_.erase(id);
  co_return Result<void>();
}

Task<Result<void>> Host::resolve(const Actor& actor, const Prompt& command, std::string& agent, ModelRef& model) {
  const Session& session = actor.state().session;
  // It may have been imported, or the roots were others.
  CO_TRY_VOID(engine_.options.roots.check(session.directory));
  const std::shared_ptr<Instance> instance = co_await engine_.instances.open(session.directory);
  agent = command.agent ? *command.agent : session.agent.value_or("");
  if (agent.empty() && !instance->agents.empty()) agent = instance->agents.front().name;
  const Agent* known = instance->find_agent(agent);
  if (!known) co_return fail(ErrorCode::invalid, "Agent not found: \"{}\"", agent);
  if (command.model) {
    model = *command.model;
  } else if (session.model && (!command.agent || !known->model)) {
    model = *session.model;
  } else if (known->model) {
    model = *known->model;
  } else if (instance->default_model) {
    model = *instance->default_model;
  } else {
    co_return fail(ErrorCode::invalid,
                   "No model is configured. Set an API key such as ANTHROPIC_API_KEY, or \"model\" "
                   "and \"provider\" in opencode.json");
  }
  if (command.variant) model.variant = *command.variant;
  if (model.variant == "default") model.variant.reset();
  if (!instance->find_model(model)) {
    co_return fail(ErrorCode::invalid, "Model not found: {}/{}.", model.provider_id, model.model_id);
  }
  co_return Result<void>();
}

// The prompt that a request with the same key admitted. Error `conflict` when that was another request.
Result<std::optional<MessageId>> Host::sent_before(const State& state, const Prompt& command) const {
  if (!command.key) return std::nullopt;
  if (const auto used = state.keys.find(command.key->key); used != state.keys.end()) {
    TRY_VOID(same_request(*command.key, used->second.key.fingerprint));
    return used->second.message_id;
  }
  TRY(const std::optional<store::UsedKey> used, engine_.query.used_key(command.key->key));
  if (!used) return std::nullopt;
  TRY_VOID(same_request(*command.key, used->fingerprint));
  return used->message;
}

// The message with the id that the client gave, when it is there. Error `conflict` when it says something else: a
// second text under one id would be lost or, worse, mixed into the first.
Result<std::optional<MessageId>> Host::admitted_before(const SessionId& id, const Prompt& command) const {
  const auto stored = engine_.query.message(id, *command.message_id);
  if (!stored) return std::nullopt;
  std::string said;
  for (const Part& part : stored->parts) {
    const auto* text = std::get_if<TextPart>(&part.content);
    if (text && !text->synthetic.value_or(false)) said += text->text + "\n";
  }
  if (!std::holds_alternative<UserMessage>(stored->info) || said != text_of(command)) {
    return std::unexpected(
        Error{ErrorCode::conflict,
              fmt::format("The message {} exists with another content; send a new prompt with a new id",
                          id_of(stored->info).value),
              R"(["messageID"])"});
  }
  return *command.message_id;
}

// Puts what the prompt's files say in their places; returns what could not be read.
Task<Result<std::vector<std::string>>> Host::read_files(SessionId id, std::string agent, Prompt& command) {
  const bool any = std::ranges::any_of(
      command.parts, [](const PromptPart& part) { return std::holds_alternative<FilePart>(part.content); });
  if (!any) co_return std::vector<std::string>();
  CO_TRY(const Session session, engine_.query.session(id));
  const auto instance = co_await engine_.instances.open(session.directory);
  CO_TRY(Attached attached,
         co_await read_attachments(engine_, instance, id, std::move(agent), std::move(command.parts)));
  command.parts = std::move(attached.parts);
  co_return std::move(attached.problems);
}

Task<Result<MessageId>> Host::prompt(SessionId id, Prompt command) {
  CO_TRY(std::shared_ptr<Actor> found, actor(id));
  if (engine_.shutting_down()) co_return fail(ErrorCode::unavailable, "The server is stopping");
  std::string agent;
  ModelRef model;
  const auto resolved = co_await resolve(*found, command, agent, model);
  if (!resolved) {
    if (found->state().deleted) co_return no_such(id);
    found->record(SessionFailed{{.name = "UnknownError", .message = resolved.error().message}});
    [[maybe_unused]] const auto stored = co_await found->committed();
    release(found);
    co_return std::unexpected(resolved.error());
  }
  CO_TRY_VOID(co_await forget_reverted(id));
  CO_TRY(const std::vector<std::string> unread, co_await read_files(id, agent, command));
  const std::shared_ptr<Instance> instance = co_await engine_.instances.open(found->state().session.directory);
  if (const Agent* caller = instance->find_agent(agent)) add_agent_hints(command.parts, *caller);
  // Looked up again: the actor may have been released while we waited.
  CO_TRY(found, actor(id));
  const State& state = found->state();

  CO_TRY(std::optional<MessageId> before, sent_before(state, command));
  while (!before && command.message_id) {
    // What is known of it may still be on its way to the disk.
    CO_TRY_VOID(co_await found->committed());
    CO_TRY(before, admitted_before(id, command));
    if (!state.prompts.contains(*command.message_id) || !found->storing()) break;
  }
  if (state.deleted) co_return no_such(id);
  if (before) {
    CO_TRY_VOID(co_await found->committed());
    release(found);
    co_return std::move(*before);
  }
  CO_TRY_VOID(engine_.store.admits());
  const bool busy = found->working() || state.busy();
  if (command.delivery == Delivery::reject && busy)
    co_return fail(ErrorCode::conflict, "Session is busy: {}", id.value);
  const std::optional<MessageId> running = state.turn;
  const bool first = is_default_title(state.session.title) && !state.session.parent_id && !state.turn &&
                     state.inbox.empty() && !command.no_reply;
  Admission admission =
      decide(state, command, {.now = engine_.clock.now_ms(), .ids = engine_.ids, .agent = agent, .model = model});
  found->record(std::move(admission.events));
  for (const std::string& why : unread) found->record(SessionFailed{{.name = "UnknownError", .message = why}});
  failpoint::reach("session.prompt.recorded");
  const auto stored = co_await found->committed();
  if (!stored) {
    drop(found);
    co_return std::unexpected(stored.error());
  }
  failpoint::reach("session.prompt.committed");
  if (command.no_reply || command.wait_for_next) {
    release(found);
  } else {
    if (command.delivery == Delivery::interrupt && busy) found->interrupt(running, admission.message_id);
    wake(found);
    if (first) turns_.spawn(give_title(found, text_of(command), model));
  }
  co_return admission.message_id;
}

Task<void> Host::give_title(std::shared_ptr<Actor> actor, std::string text, ModelRef model) {
  if (text.find_first_not_of(" \r\n\t") == std::string::npos) co_return;
  const std::shared_ptr<Instance> instance = co_await engine_.instances.open(actor->state().session.directory);
  auto title = co_await make_title(engine_, *instance, std::move(model), std::move(text), engine_.shutdown);
  const SessionId id = actor->state().session.id;
  actor.reset();
  if (!title || engine_.shutting_down()) co_return;
  // The actor of now: the one that was here may have gone, or the session with it.
  const auto current = this->actor(id);
  if (!current || (*current)->state().deleted || !is_default_title((*current)->state().session.title)) co_return;
  Session session = (*current)->state().session;
  session.title = std::move(*title);
  (*current)->record(SessionUpdated{std::move(session)});
  [[maybe_unused]] const auto stored = co_await (*current)->committed();
  release(*current);
}

// On disk: it is being answered, or will be.
bool Host::waits(const SessionId& id, const MessageId& prompt) {
  const auto work = engine_.query.work(id);
  if (!work) return false;
  return work->turn == prompt ||
         std::ranges::any_of(work->inbox, [&](const auto& waiting) { return waiting.message == prompt; });
}

Task<Result<MessageId>> Host::answer(SessionId id, MessageId prompt) {
  const auto found = actors_.find(id);
  std::shared_ptr<Actor> held = found == actors_.end() ? nullptr : found->second;
  if (held ? held->broken() : waits(id, prompt)) {
    CO_TRY(held, actor(id));
    wake(held);
  }
  if (held) {
    co_await held->answered(prompt);
    const MessageId asked = prompt;
    prompt = held->continued(std::move(prompt));
    const auto stored = co_await held->committed();
    release(held);
    // What is stored goes on when it can be written again; nobody knows when.
    if (!stored && (waits(id, asked) || waits(id, prompt))) co_return std::unexpected(stored.error());
  }
  CO_TRY(const std::optional<MessageId> last, engine_.query.last_answer(id, prompt));
  if (!last) co_return fail(ErrorCode::not_found, "The prompt {} has no answer", prompt.value);
  co_return *last;
}

std::vector<Waiting> Host::waiting(const SessionId& id) {
  std::vector<Waiting> out;
  const auto found = actors_.find(id);  // a session without an actor has no work
  if (found == actors_.end()) return out;
  const State& state = found->second->state();
  for (const MessageId& message : state.inbox) out.push_back({message, state.delivery_of(message)});
  return out;
}

std::optional<MessageId> Host::running(const SessionId& id) {
  const auto found = actors_.find(id);
  return found == actors_.end() ? std::nullopt : found->second->state().turn;
}

Task<Result<void>> Host::withdraw(SessionId id, MessageId message) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  const State& state = found->state();
  if (std::ranges::find(state.inbox, message) == state.inbox.end()) {
    release(found);
    if (state.turn == message) co_return fail(ErrorCode::conflict, "The prompt {} is being answered", message.value);
    co_return fail(ErrorCode::not_found, "No prompt {} waits for its turn", message.value);
  }
  found->record(MessageRemoved{message});
  found->answer_waiters(message);
  if (state.inbox.empty()) found->leave_queue();
  CO_TRY_VOID(co_await found->committed());
  release(found);
  co_return Result<void>();
}

bool Host::abort(const SessionId& id) {
  const auto found = actors_.find(id);
  return found != actors_.end() && found->second->abort();
}

Task<Result<void>> Host::reply(ReplyPermission command) {
  CO_TRY(const store::RequestRow row, engine_.query.request(command.request_id));
  CO_TRY(const std::shared_ptr<Actor> found, actor(row.request.session_id));
  auto replied = co_await found->reply(std::move(command));
  release(found);
  co_return replied;
}

const State* Host::settled_state(const SessionId& id) const {
  const auto found = actors_.find(id);
  if (found == actors_.end() || found->second->storing() || found->second->broken()) return nullptr;
  return &found->second->state();
}

Task<Result<void>> Host::reply(ReplyQuestion command) {
  CO_TRY(const store::QuestionRow row, engine_.query.question(command.request_id));
  CO_TRY(const std::shared_ptr<Actor> found, actor(row.request.session_id));
  auto replied = co_await found->questions().reply(std::move(command));
  release(found);
  co_return replied;
}

Status Host::status(const SessionId& id) const {
  const auto found = actors_.find(id);
  return found == actors_.end() ? idle() : found->second->status();
}

bool Host::deleting(const SessionId& id) const {
  const auto found = actors_.find(id);
  return found != actors_.end() && found->second->closing();
}

Host::Load Host::load() const {
  Load load;
  for (const auto& [id, actor] : actors_) {
    const Status::Type type = actor->status().type;
    if (type != Status::Type::idle) ++load.busy;
    if (type == Status::Type::retry) ++load.retrying;
    load.queued += actor->state().inbox.size();
  }
  return load;
}

std::vector<std::pair<SessionId, Status>> Host::busy() const {
  std::vector<std::pair<SessionId, Status>> out;
  for (const auto& [id, actor] : actors_) {
    if (actor->status().type != Status::Type::idle) out.emplace_back(id, actor->status());
  }
  return out;
}

Task<void> Host::settle(SessionId id) {
  const auto found = actors_.find(id);
  if (found == actors_.end()) co_return;
  const std::shared_ptr<Actor> held = found->second;
  held->store_streaming();
  [[maybe_unused]] const auto stored = co_await held->committed();
  release(held);
}

}  // namespace quarterdeck::session
