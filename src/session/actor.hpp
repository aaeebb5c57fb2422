// The owner of one session's state. Commands arrive from the host, are decided by pure functions (state.hpp), recorded,
// and answered after the commit; prompts wait in the inbox until the actor's worker turns to them, one turn after the
// other. Lives while it has work; between turns the store is all there is of a session.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "domain/command.hpp"
#include "session/engine.hpp"
#include "session/instance.hpp"
#include "session/journal.hpp"
#include "session/permission_gate.hpp"
#include "session/question_gate.hpp"
#include "session/state.hpp"

namespace quarterdeck::session {

enum class Asked { no, yes };

class Actor {
 public:
  // `on_broken`: called once, when its events cannot be stored any more; then it must be loaded anew.
  Actor(Engine& engine, State state, std::function<void()> on_broken);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  const State& state() const { return state_; }
  const domain::Status& status() const { return status_; }
  bool working() const { return working_; }
  // The running turn began before the server did.
  bool resumed() const { return resumed_; }
  bool broken() const { return journal_.broken(); }

  // Applies and records; on disk after committed().
  void record(domain::Event event);
  void record(std::vector<domain::Event> events);
  void show(domain::Delta delta) { journal_.show(std::move(delta)); }
  void set_status(domain::Status status);
  Task<Result<void>> committed() { return journal_.committed(); }
  bool storing() const { return journal_.storing(); }

  // The running turn ends by going over into the turn of `prompt`, a message that it has recorded: nothing comes between,
  // and whoever waits for the one waits for the other.
  void continue_with(MessageId prompt) { next_ = std::move(prompt); }
  // The prompt whose turn goes on for `prompt`; itself when there is none.
  MessageId continued(MessageId prompt) const;

  // Runs turns until the inbox is empty. Only one at a time; the host starts it.
  Task<void> work(std::stop_token shutdown);
  // The place of a turn for a command that the user runs: no turn runs meanwhile, and abort() requests the stop.
  std::stop_token begin_shell();
  void end_shell();
  // Keeps turns and commands away while it lives, without a word to clients; free() waits for its end.
  class Hold {
   public:
    explicit Hold(Actor& actor);
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();

   private:
    Actor& actor_;
  };
  Task<void> free();
  // Ends the running turn; queued prompts stay. True when there was one.
  bool abort();
  // For a prompt that interrupts: ends what `victim` says was running when it was admitted (a turn, or the user's own
  // command when empty), and nothing that began since.
  void interrupt(const std::optional<MessageId>& victim, const MessageId& by);
  // Ends the running turn with this stored error in place of "aborted"; queued prompts wait.
  void fail_turn(domain::MessageError error);
  const std::optional<domain::MessageError>& turn_error() const { return turn_error_; }
  // Ends the running turn, or the user's command, and begins no other: the session is about to be deleted. Returns when
  // nothing runs any more.
  Task<void> close();
  bool closing() const { return closed_; }
  // What waited for a place may be gone.
  void leave_queue();
  void reopen() { closed_ = false; }  // it was not deleted after all
  // Resolves when the turn that answers `prompt` has ended and is on disk.
  Task<void> answered(MessageId prompt);
  // Lets those go who wait for it: it has ended, or will not begin.
  void answer_waiters(const MessageId& prompt);
  void answer_all_waiters();

  Task<Result<void>> reply(domain::ReplyPermission reply);
  QuestionGate& questions() { return questions_; }

  // What the running turn streams and has not stored yet; the turn registers it, readers of the store call it.
  void on_store_streaming(std::function<void()> store) { store_streaming_ = std::move(store); }
  void store_streaming() {
    if (store_streaming_) store_streaming_();
  }

  // Answers that were stored before a restart and that their calls have not been told.
  void recall(std::vector<store::AnsweredRequest> answered);
  // True when `call` waits for an answer, or has one that it has not been told.
  bool asked(const domain::ToolRef& call) const;
  // For the turn: asks when the rules say so; tells whether it came to that.
  Task<std::expected<Asked, tools::ToolFailure>> ask(tools::PermissionAsk ask, domain::ToolRef call,
                                                     const domain::Agent& agent, Instance& instance,
                                                     std::stop_token stop);

 private:
  void release_now_allowed(const domain::Agent& agent);
  bool always_allowed(const std::string& permission, const std::vector<std::string>& patterns,
                      const domain::Agent& agent) const;
  Task<std::string> run_turn(MessageId prompt);
  Task<void> find_place(MessageId prompt, std::stop_token shutdown);
  void leave_place();
  void rest();  // nothing to do for now: says so, once
  void end_of_work();

  Engine& engine_;
  State state_;
  Journal journal_;
  PermissionGate gate_;
  QuestionGate questions_;
  // Answers to requests from before a restart, whose calls have not come back to ask yet.
  std::vector<std::pair<domain::PermissionRequest, PermissionAnswer>> early_answers_;
  domain::Status status_;
  bool working_ = false;
  bool resumed_ = false;
  bool closed_ = false;
  std::optional<MessageId> next_;
  std::map<MessageId, MessageId> continued_;
  bool held_ = false;
  std::vector<OneShot<Unit>::Setter> held_back_;
  bool has_place_ = false;  // turn_gate.hpp
  std::optional<std::stop_source> queue_stop_;  // while it waits for one
  std::optional<std::stop_source> turn_stop_;
  std::optional<domain::MessageError> turn_error_;  // what stopped it, when nobody aborted it
  std::shared_ptr<Instance> instance_;  // of the running turn
  std::function<void()> store_streaming_;
  std::map<MessageId, std::vector<OneShot<Unit>::Setter>> waiters_;
  std::vector<OneShot<Unit>::Setter> closers_;
};

// Error `conflict` while something is going on, or waits for its turn.
Result<void> not_busy(const Actor& actor);

// For Actor and Turn: the status values without their unused members.
inline domain::Status busy() { return {.type = domain::Status::Type::busy}; }
inline domain::Status idle() { return {.type = domain::Status::Type::idle}; }

}  // namespace quarterdeck::session
