// Host: what clients change in a session's past, and the command that a user runs himself.
#include "session/fork.hpp"
#include "session/host.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::string_view kShellNote = "The following tool was executed by the user";
constexpr std::int64_t kShellTimeoutMs = 24 * 60 * 60 * 1000;  // the tool has its own upper limit

// The user has decided: nobody is asked.
class ShellHost final : public tools::ToolHost {
 public:
  ShellHost(Engine& engine, Actor& actor, Part part) : engine_(engine), actor_(actor), part_(std::move(part)) {}

  Task<std::expected<void, tools::ToolFailure>> ask(tools::PermissionAsk) override {
    co_return std::expected<void, tools::ToolFailure>();
  }
  void progress(std::optional<std::string>, std::optional<JsonText> metadata) override {
    auto& running = std::get<ToolRunning>(std::get<ToolPart>(part_.content).state);
    if (metadata) running.metadata = std::move(metadata);
    actor_.show(PartProgress{part_, engine_.clock.now_ms()});
  }
  void process_started(std::int64_t pid) override { actor_.record(ToolStarted{part_.message_id, part_.id, pid}); }
  void file_edited(const std::filesystem::path& file) override { actor_.show(FileEdited{file.string()}); }
  Task<Result<void>> set_todos(std::vector<Todo>) override { co_return Result<void>(); }

 private:
  Engine& engine_;
  Actor& actor_;
  Part part_;
};

// Clients show only what the command printed.
JsonText output_only(const JsonText& metadata) {
  const auto parsed = wire::parse(metadata.text);
  const std::string output = parsed ? wire::string_at(*parsed, "output") : "";
  return {fmt::format(R"({{"output":{}}})", wire::quoted(output))};
}

// Whoever edits at the same time has done so, and the tables tell what is left to edit.
Task<Result<void>> all_stored(Actor& actor) {
  while (actor.storing()) CO_TRY_VOID(co_await actor.committed());
  const State& state = actor.state();
  if (state.deleted) co_return fail(ErrorCode::not_found, "Session not found: {}", state.session.id.value);
  co_return Result<void>();
}

}  // namespace

Task<Result<void>> Host::remove_message(SessionId id, MessageId message) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  CO_TRY_VOID(co_await all_stored(*found));
  CO_TRY_VOID(not_busy(*found));
  if (engine_.query.message_json(id, message)) {
    found->record(MessageRemoved{std::move(message)});
    CO_TRY_VOID(co_await found->committed());
  }
  release(found);
  co_return Result<void>();
}

Task<Result<void>> Host::remove_part(SessionId id, MessageId message, PartId part) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(id));
  CO_TRY_VOID(co_await all_stored(*found));
  CO_TRY_VOID(not_busy(*found));
  const auto stored = engine_.query.message(id, message);
  if (stored && std::ranges::find(stored->parts, part, &Part::id) != stored->parts.end()) {
    found->record(PartRemoved{std::move(message), std::move(part)});
    CO_TRY_VOID(co_await found->committed());
  }
  release(found);
  co_return Result<void>();
}

Task<Result<void>> Host::update_part(Part part) {
  CO_TRY(const std::shared_ptr<Actor> found, actor(part.session_id));
  CO_TRY_VOID(co_await all_stored(*found));
  CO_TRY_VOID(not_busy(*found));
  CO_TRY([[maybe_unused]] const std::string known, engine_.query.message_json(part.session_id, part.message_id));
  found->record(PartUpdated{std::move(part), engine_.clock.now_ms()});
  CO_TRY_VOID(co_await found->committed());
  release(found);
  co_return Result<void>();
}

Task<Result<Session>> Host::fork(SessionId id, std::optional<MessageId> before, std::optional<ForkInto> into) {
  CO_TRY_VOID(engine_.store.admits());
  CO_TRY(const Session original, engine_.query.session(id));
  co_await settle(id);
  store::Query& query = engine_.query;
  auto load = [&query, id] { return query.history(id); };
  CO_TRY(const std::vector<MessageWithParts> history, co_await blocking(engine_.loop, engine_.pool, load));
  Fork made =
      session::fork(original, history, before, engine_.ids, engine_.clock.now_ms(), engine_.options.version, into);
  State state;
  state.session = made.session;
  const std::shared_ptr<Actor> actor = add_actor(std::move(state));
  actor->record(SessionCreated{made.session});
  actor->record(std::move(made.events));
  const auto stored = co_await actor->committed();
  if (!stored) {
    drop(actor);
    co_return std::unexpected(stored.error());
  }
  release(actor);
  co_return std::move(made.session);
}

Task<Result<MessageId>> Host::shell(SessionId id, RunShell command) {
  CO_TRY_VOID(engine_.store.admits());
  CO_TRY(std::shared_ptr<Actor> found, actor(id));
  if (engine_.shutting_down()) co_return fail(ErrorCode::unavailable, "The server is stopping");
  std::string agent;
  ModelRef model;
  const Prompt chooses{.model = command.model, .agent = command.agent};
  CO_TRY_VOID(co_await resolve(*found, chooses, agent, model));
  CO_TRY_VOID(co_await forget_reverted(id));
  CO_TRY(found, actor(id));
  CO_TRY_VOID(not_busy(*found));
  const std::stop_token stop = found->begin_shell();
  OneShot<Result<MessageId>> ended(engine_.loop);
  turns_.spawn(run_shell(found, std::move(command), std::move(agent), std::move(model), stop, ended.setter()));
  found.reset();
  co_return co_await ended;
}

Task<void> Host::run_shell(std::shared_ptr<Actor> actor, RunShell command, std::string agent, ModelRef model,
                           std::stop_token stop, OneShot<Result<MessageId>>::Setter ended) {
  const SessionId session = actor->state().session.id;
  const std::shared_ptr<Instance> instance = co_await engine_.instances.open(actor->state().session.directory);
  const std::stop_callback on_shutdown(engine_.shutdown, [actor] { actor->abort(); });
  const TimeMs now = engine_.clock.now_ms();
  UserMessage asked{.id = command.message_id.value_or(MessageId{}),
                    .session_id = session,
                    .created = now,
                    .agent = agent,
                    .model = model};
  if (asked.id.empty()) asked.id = engine_.ids.message();
  AssistantMessage answer{.id = engine_.ids.message_after(asked.id),
                          .session_id = session,
                          .parent_id = asked.id,
                          .created = now,
                          .model_id = model.model_id,
                          .provider_id = model.provider_id,
                          .variant = model.variant,
                          .mode = agent,
                          .agent = agent,
                          .cwd = instance->location.directory.string(),
                          .root = instance->location.worktree.string()};
  const JsonText input{fmt::format(R"({{"command":{}}})", wire::quoted(command.command))};
  const Part note{engine_.ids.part(), session, asked.id, TextPart{.text = std::string(kShellNote), .synthetic = true}};
  Part part{
      engine_.ids.part(), session, answer.id,
      ToolPart{
          .call_id = engine_.ids.other("call"), .tool = "bash", .state = ToolRunning{.input = input, .start = now}}};
  actor->record(MessageUpdated{asked});
  actor->record(PartUpdated{note, now});
  actor->record(MessageUpdated{answer});
  actor->record(PartUpdated{part, now});
  // Nothing runs that a crash would not know of.
  const auto requested = co_await actor->committed();

  auto& call = std::get<ToolPart>(part.content);
  if (requested) {
    ShellHost host(engine_, *actor, part);
    tools::ToolContext context{.session_id = session,
                               .message_id = answer.id,
                               .call_id = call.call_id,
                               .agent = agent,
                               .directory = instance->location.directory,
                               .worktree = instance->location.worktree,
                               .output_dir = engine_.places.data / "tool-output",
                               .stop = stop,
                               .host = host,
                               .loop = engine_.loop,
                               .pool = engine_.pool,
                               .processes = engine_.processes,
                               .ids = engine_.ids};
    JsonText arguments{fmt::format(R"({{"command":{},"timeout":{}}})", wire::quoted(command.command), kShellTimeoutMs)};
    const auto result = co_await engine_.tools.run("bash", std::move(arguments), context);
    const TimeMs end = engine_.clock.now_ms();
    if (result) {
      call.state = ToolCompleted{.input = input,
                                 .output = result->output,
                                 .metadata = output_only(result->metadata),
                                 .start = now,
                                 .end = end};
    } else {
      const auto& failure = result.error();
      call.state =
          ToolError{.input = input, .error = failure.message, .metadata = failure.metadata, .start = now, .end = end};
    }
    answer.completed = end;
    if (!actor->state().deleted) {
      actor->record(MessageUpdated{answer});
      actor->record(PartUpdated{part, end});
      Session info = actor->state().session;
      info.updated = end;
      actor->record(SessionUpdated{std::move(info)});
    }
  }
  actor->end_shell();
  const auto stored = co_await actor->committed();
  ended(stored ? Result<MessageId>(answer.id) : std::unexpected(stored.error()));
  // Prompts that came meanwhile.
  if (!actor->state().inbox.empty() && !actor->state().deleted) wake(actor);
  release(actor);
}

// A command of the user has no turn: what a crash left of it is ended here, as nobody else would. Does not wait: turns
// of these sessions are taken up after it.
Result<std::vector<std::shared_ptr<Actor>>> Host::end_interrupted_shells(std::optional<SessionId> only) {
  TRY(const store::OpenWork left, engine_.query.open_work());
  const TimeMs now = engine_.clock.now_ms();
  std::vector<std::shared_ptr<Actor>> ended;
  for (AssistantMessage message : left.messages) {
    if (only && message.session_id != *only) continue;
    TRY(const std::shared_ptr<Actor> found, actor(message.session_id));
    // The message of an open turn belongs to it.
    if (found->state().turn == message.parent_id) continue;
    for (Part part : left.parts) {
      auto* call = std::get_if<ToolPart>(&part.content);
      const auto* running = call ? std::get_if<ToolRunning>(&call->state) : nullptr;
      if (part.message_id != message.id || !running) continue;
      call->state = ToolError{.input = running->input,
                              .error = "The server stopped while this command ran",
                              .metadata = JsonText{R"({"interrupted":true})"},
                              .start = running->start,
                              .end = now};
      found->record(PartUpdated{std::move(part), now});
    }
    message.completed = now;
    message.error = MessageError{.name = "MessageAbortedError", .message = "The server stopped"};
    found->record(MessageUpdated{std::move(message)});
    ended.push_back(found);
  }
  return ended;
}

}  // namespace quarterdeck::session
