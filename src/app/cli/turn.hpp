// One prompt and what becomes of it, seen from outside. Pure: events in, questions answered.
//
//   sent -> taken up (an assistant message answers it) -> over (the session is idle, the last message is complete)
//        \-> refused (the session errs before anything answers)
//
// Law: feeding an event twice changes nothing, so a reconnected stream may repeat itself.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "app/cli/live_event.hpp"

namespace quarterdeck::app {

class Turn {
 public:
  Turn(SessionId session, MessageId prompt) : session_(session), prompt_(std::move(prompt)) {
    family_.insert(std::move(session));
  }

  void on(const LiveEvent& event);
  // After a reconnect: what GET /session/status says.
  void on_status(bool idle);

  const SessionId& session() const { return session_; }
  const MessageId& prompt() const { return prompt_; }
  // This session or a child of it: its permission requests are ours to answer.
  bool concerns(const SessionId& session) const { return family_.contains(session); }

  bool taken_up() const { return !answers_.empty(); }
  bool idle() const { return idle_; }
  // Idle, and nothing more is to come.
  bool over() const;
  // Idle or failed, but the last message is not closed yet: give it a moment.
  bool ending() const { return (idle_ && taken_up()) || (error_.has_value() && !busy_after_error_); }
  bool deleted() const { return deleted_; }

  const std::optional<domain::MessageError>& error() const { return error_; }
  int steps() const { return static_cast<int>(steps_.size()); }
  domain::Tokens tokens() const;
  double cost() const;

 private:
  struct Answer {
    bool complete = false;
    std::optional<domain::MessageError> error;
  };

  SessionId session_;
  MessageId prompt_;
  std::set<SessionId> family_;
  std::map<MessageId, Answer> answers_;
  std::map<PartId, domain::StepFinishPart> steps_;
  std::optional<domain::MessageError> error_;
  bool idle_ = false;
  bool busy_after_error_ = false;
  bool deleted_ = false;
};

}  // namespace quarterdeck::app
