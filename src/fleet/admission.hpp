// Which sessions may run at a time: limits for the server, each project, provider and model, and a queue before them.
// Laws: the queue is derived from what the store holds, so a restart keeps its order; what was under way goes on first. A session with a place keeps it for
//       its children. Who waits for an answer or a budget lends the place out meanwhile, and goes on at once when
//       it is there: nobody's answer queues.
// Everything runs on the loop.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "fleet/board.hpp"
#include "fleet/slots.hpp"
#include "session/turn_gate.hpp"

namespace quarterdeck::fleet {

class Admission final : public session::TurnGate {
 public:
  // Both outlive it.
  Admission(session::Engine& engine, Board& board, SlotLimits limits);

  bool enter(const domain::Session& session, const MessageId& prompt) override;
  Task<bool> wait(domain::Session session, MessageId prompt, std::stop_token stop) override;
  void leave(const domain::Session& session) override;

  // From here on places are given; before, priorities are not known yet.
  void open();
  // Priorities or what waits may have changed.
  void look_again();
  // The attention of a session is another one.
  void on_attention(const SessionId& head, const domain::Attention& attention);

  bool limited() const { return limited_; }
  const SlotQueue& queue() const { return queue_; }
  // How it stands with everybody who waits, the next one first.
  std::vector<std::pair<SessionId, domain::Waiting>> waiting() const;
  bool waits(const SessionId& head) const;

 private:
  struct Place {
    SlotClaim claim;
    int holders = 0;  // the session and those of its children that run
    bool lent = false;
  };
  struct Waiter {
    std::uint64_t ticket = 0;
    std::vector<OneShot<bool>::Setter> told;  // the session's turn, and its children's
    std::size_t gone = 0;  // of these
  };
  SessionId head_of_session(const domain::Session& session) const;
  SlotClaim claim_of(const domain::Session& session, const MessageId& prompt) const;
  TimeMs asked_at(const domain::Session& session, const MessageId& prompt) const;
  void admit();
  void say_why(const SessionId& head);
  std::string reason(const SlotQueue::Obstacle& obstacle) const;

  session::Engine& engine_;
  Board& board_;
  SlotQueue queue_;
  bool limited_;
  bool open_ = false;
  std::map<SessionId, Place> places_;
  std::map<SessionId, Waiter> waiters_;
};

}  // namespace quarterdeck::fleet
