// What a session needs from the world. Pure: the same facts at the same time give the same attention.
// Laws: a session is in needs_you or with_supervisor if and only if a request, a failure or a stall of it or of one of its
//       children is open; the evidence names it. Requests come before everything else, work before the end of work.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/fleet.hpp"
#include "domain/message.hpp"
#include "domain/session.hpp"

namespace quarterdeck::fleet {

struct OpenRequest {
  enum class Kind { permission, question, plan };
  Kind kind = Kind::permission;
  std::string id;
  SessionId session;  // the session or one of its children
  std::string text;  // what is asked, shortened
};

// Found by the watch (stall.hpp).
struct Stall {
  std::string kind;
  std::string text;
  std::string id;  // of the message, the part or the session that it is about
};

struct Facts {
  TimeMs created = 0;
  std::optional<TimeMs> archived;
  domain::Standing standing;
  std::vector<OpenRequest> requests;  // oldest first
  struct Turn {
    MessageId prompt;
    std::optional<std::string> reason;  // absent while it runs
    TimeMs time = 0;
    bool answered = false;  // the model has begun
    std::optional<domain::MessageError> error;
  };
  std::optional<Turn> turn;
  std::size_t waiting = 0;  // prompts without a turn
  std::optional<std::string> held_back;  // why the first of them does not begin
  domain::Status status;
  std::optional<Stall> stall;
  std::optional<std::string> over_budget;  // which limit
  std::optional<domain::Attention::Next> nudge;  // of one that is stalled
  std::optional<std::string> warning;  // what is nearly used up
  int files_changed = 0;
};

struct AttentionPolicy {
  // How long a supervisor has, before a person is asked; by priority.
  std::int64_t supervisor_ms[4] = {60'000, 300'000, 900'000, 3'600'000};
};

// `before`: what it was; its `since` stays while state and evidence are the same.
domain::Attention attention(const Facts& facts, const std::optional<domain::Attention>& before,
                            const AttentionPolicy& policy, TimeMs now);

// The same for who looks at it: nothing that they would act on differs.
bool same(const domain::Attention& a, const domain::Attention& b);

}  // namespace quarterdeck::fleet
