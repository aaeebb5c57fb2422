// The door to all sessions: surfaces call it, it finds or loads the actor, and answers when the outcome is on disk.
// Everything runs on the loop. Reading (lists, messages) goes past it, straight to store::Query.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/result.hpp"
#include "domain/command.hpp"
#include "domain/import.hpp"
#include "domain/session.hpp"
#include "session/actor.hpp"
#include "session/engine.hpp"
#include "session/fork.hpp"

namespace quarterdeck::session {

class Subagents;

class Host {
 public:
  // `engine` outlives the host.
  explicit Host(Engine& engine);
  ~Host();

  // Start-up: ends or resumes what a crash or a restart left open. Returns when every such turn has been taken up.
  Task<Result<void>> recover();
  // Stops running turns (they stay open in the store) and waits for them.
  Task<void> shutdown();

  Task<Result<domain::Session>> create(domain::CreateSession command);
  Task<Result<domain::Session>> update(SessionId id, domain::UpdateSession command);
  // With its children, deepest first. Running turns are aborted, their processes killed.
  // Reads and writes in one step: what others change meanwhile stays. `change` returns nothing when there is nothing to do.
  using MetadataChange =
      std::function<std::optional<domain::JsonText>(const std::optional<domain::JsonText>& metadata)>;
  Task<Result<void>> change_metadata(SessionId id, MetadataChange change);
  Task<Result<void>> remove(SessionId id);

  // Admits a prompt: when this returns, it is on disk and will be answered. The same message id again is admitted once
  // and answers like the first, as does the same idempotency key. Errors: not_found (session), invalid (unknown agent
  // or model), conflict (Delivery::reject while the session works; with a `path`: an id or key used for something else).
  Task<Result<MessageId>> prompt(SessionId id, domain::Prompt command);
  // The last message of the answer to `prompt`, when its turn has ended. Error: not_found when it has none.
  Task<Result<MessageId>> answer(SessionId id, MessageId prompt);

  // Changes of what was said; nothing happens when it is not there. Error `conflict` while the session works.
  Task<Result<void>> remove_message(SessionId id, MessageId message);
  Task<Result<void>> remove_part(SessionId id, MessageId message, PartId part);
  // Replaces the part, or adds it to its message. Error: not_found (message).
  Task<Result<void>> update_part(domain::Part part);
  // A new session with copies of the messages before `before`, or of all.
  Task<Result<domain::Session>> fork(SessionId id, std::optional<MessageId> before,
                                     std::optional<ForkInto> into = std::nullopt);
  // Runs a command of the user, without a model, and returns when it has ended: the message that holds its output.
  // Errors: conflict while the session works, invalid (unknown agent or model).
  Task<Result<MessageId>> shell(SessionId id, domain::RunShell command);

  // Takes over a session that was held elsewhere. One that is here already gets what it lacks and loses nothing: messages
  // that it has stay as they are, unless they were not finished then. Error: conflict while the session works.
  struct Imported {
    bool made = false;  // the session was not here
    int messages = 0;  // that were added or finished
    int kept = 0;  // that were here already
  };
  Task<Result<Imported>> import(domain::ImportSession command);

  // Prompts that wait for their turn, in the order in which they run, and the one that is being answered.
  std::vector<Waiting> waiting(const SessionId& id);
  std::optional<MessageId> running(const SessionId& id);
  // Takes back a prompt that waits. Errors: not_found (message), conflict (its turn has begun).
  Task<Result<void>> withdraw(SessionId id, MessageId message);

  // Has what was said so far summarised, after what is going on now. Error: invalid (unknown model).
  Task<Result<void>> summarize(SessionId id, domain::Summarize command);

  // Takes the conversation and the files back to `message` (or to a part of it), or as far as unrevert() forward again.
  // Nothing happens when it is not there. Errors: conflict while the session works; unavailable when what is to be
  // restored is no longer in the snapshots (nothing is changed then).
  Task<Result<domain::Session>> revert(SessionId id, MessageId message, std::optional<PartId> part);
  Task<Result<domain::Session>> unrevert(SessionId id);
  // Makes a revert final, as the next prompt does: what it took back is removed. Nothing without one, or while it works.
  Task<Result<void>> forget_reverted(SessionId id);
  // Takes the files back to a checkpoint (workspace/checkpoints.hpp), byte for byte; the conversation stays. `undo` is the
  // checkpoint of what was there. Errors: conflict while the session works, not_found, unavailable (no snapshots).
  struct RolledBack {
    std::string undo;
    std::vector<std::string> left;  // could not be reached, and stay
  };
  Task<Result<RolledBack>> rollback(SessionId id, std::string checkpoint);
  // The files of one session as they were at a checkpoint, in the worktree of another.
  Task<Result<RolledBack>> take_files(SessionId from, std::string checkpoint, SessionId to);
  // What the turn of a prompt, or the whole session, did to the files: [{file, patch, additions, deletions, status}…].
  Task<Result<std::string>> diff(SessionId id, std::optional<MessageId> prompt);

  // Admits what a slash command makes of its arguments. Errors: not_found (session), invalid (unknown command, agent or
  // model), denied (the project's shell without its trust), and those of prompt().
  Task<Result<MessageId>> command(SessionId id, domain::RunCommand command);

  // True when a turn was running; prompts that wait are answered after it. Unknown sessions are not an error, as with OpenCode.
  bool abort(const SessionId& id);
  Task<Result<void>> reply(domain::ReplyPermission command);
  Task<Result<void>> reply(domain::ReplyQuestion command);

  domain::Status status(const SessionId& id) const;
  bool deleting(const SessionId& id) const;  // what it works on is ending, then it is gone
  // What a working session's actor knows, when all of it is on disk; null otherwise. For checks: it equals the tables.
  const State* settled_state(const SessionId& id) const;
  // How much there is to do, for who watches the server.
  struct Load {
    std::size_t busy = 0;  // sessions whose turn runs
    std::size_t retrying = 0;  // of these, waiting to ask the model again
    std::size_t queued = 0;  // prompts that wait for their turn
  };
  Load load() const;
  // Sessions that are not idle.
  std::vector<std::pair<SessionId, domain::Status>> busy() const;
  // Stores what is streaming, so that a reader of the store sees all of it.
  Task<void> settle(SessionId id);

 private:
  Result<std::shared_ptr<Actor>> actor(const SessionId& id);
  std::shared_ptr<Actor> add_actor(State state);
  Task<void> take_up_again(SessionId id);
  void wake(const std::shared_ptr<Actor>& actor);
  void on_store_health(const store::Health& health);
  void wake_unfinished();
  Task<void> run(std::shared_ptr<Actor> actor);
  void release(const std::shared_ptr<Actor>& actor);
  void drop(const std::shared_ptr<Actor>& broken);
  Result<std::vector<SessionId>> children(const SessionId& id);
  bool waits(const SessionId& id, const MessageId& prompt);
  Task<Result<domain::Session>> make_session(domain::CreateSession command);
  Result<std::optional<MessageId>> sent_before(const State& state, const domain::Prompt& command) const;
  Result<std::optional<MessageId>> admitted_before(const SessionId& id, const domain::Prompt& command) const;
  Task<void> run_shell(std::shared_ptr<Actor> actor, domain::RunShell command, std::string agent,
                       domain::ModelRef model, std::stop_token stop, OneShot<Result<MessageId>>::Setter ended);
  class Reverting;
  Task<void> finish_reverts();
  // `command` outlives the call.
  Task<Result<std::vector<std::string>>> read_files(SessionId id, std::string agent, domain::Prompt& command);
  void remove_mark(const SessionId& id);
  Task<void> finish_rollbacks();
  // Of one session, or of all.
  Result<std::vector<std::shared_ptr<Actor>>> end_interrupted_shells(std::optional<SessionId> only = {});
  Task<Result<std::string>> with_shell_output(std::string text, std::shared_ptr<Instance> instance, SessionId owner,
                                              bool from_project);
  Task<void> give_title(std::shared_ptr<Actor> actor, std::string text, domain::ModelRef model);
  Task<Result<void>> resolve(const Actor& actor, const domain::Prompt& command, std::string& agent,
                             domain::ModelRef& model);

  Engine& engine_;
  std::unique_ptr<Subagents> subagents_;
  std::map<SessionId, std::shared_ptr<Actor>> actors_;
  std::set<SessionId> broken_;  // to be loaded anew: what they were doing ended without a trace
  using Waiters = std::map<std::string, std::vector<OneShot<Unit>::Setter>>;
  Waiters creating_;  // keys whose sessions are being made
  TaskGroup turns_;
};

}  // namespace quarterdeck::session
