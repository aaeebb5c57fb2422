// The people and programs that use the server: they prompt, wait, abort, answer, edit, fork and delete, at the same time
// and at the worst time, repeat what they have no answer to, and remember what they were told.
#pragma once

#include <memory>
#include <optional>

#include "server.hpp"
#include "world.hpp"

namespace quarterdeck::simulation {

// A subscriber of the event stream that comes back with its last number after every restart.
class Listener {
 public:
  Listener(World& world, Witness& witness) : world_(world), witness_(witness), dice_(world.dice.child()) {}
  void attach(Server& server);
  void detach();
  // Everything that was to be seen has been.
  void check(store::Query& query);

 private:
  void pump();
  void read(std::string_view text);

  World& world_;
  Witness& witness_;
  Dice dice_;
  Server* server_ = nullptr;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<Loop::Handle> pause_;
  std::string unread_;
  std::optional<feed::Position> last_;
  store::Seq since_ = 0;  // its first subscription
  store::Seq attached_since_ = 0;  // its present one
  std::set<store::Seq> seen_;
};

class Clients {
 public:
  Clients(World& world, Witness& witness) : world_(world), witness_(witness), dice_(world.dice.child()) {}
  // One thing that some client does now.
  void act(Server& server);
  // After a restart: prompts whose outcome is unknown are sent again under their id.
  void repeat_unknown(Server& server);
  // When the storm is over: answers every request, ends what would hang for ever.
  void settle(Server& server);
  // Turns that were aborted have ended in time.
  void check_aborts();
  void forget_aborts() { aborts_.clear(); }

 private:
  struct Aborted {
    SessionId session;
    MessageId prompt;
    std::int64_t deadline_ms = 0;
  };

  Task<void> create(Server& server, std::optional<SessionId> parent);
  Task<void> prompt(Server& server, int number);
  Task<void> await_answer(Server& server, SessionId session, MessageId prompt);
  Task<void> reply(Server& server, domain::PermissionRequest request, domain::ReplyPermission answer);
  Task<void> answer(Server& server, domain::QuestionRequest request, std::optional<std::string> label);
  Task<void> remove(Server& server, SessionId id);
  Task<void> fork(Server& server, SessionId id, std::optional<MessageId> before);
  Task<void> rename(Server& server, SessionId id);
  Task<void> edit(Server& server, SessionId id);
  Task<void> withdraw(Server& server, SessionId id);
  Task<void> shell(Server& server, SessionId id);
  Task<void> read(Server& server, SessionId id);
  void abort(Server& server, const SessionId& id);
  void answer_one(Server& server);
  void answer_question(Server& server, const domain::QuestionRequest& request);
  SessionId some_session();

  World& world_;
  Witness& witness_;
  Dice dice_;
  std::vector<Aborted> aborts_;
};

}  // namespace quarterdeck::simulation
