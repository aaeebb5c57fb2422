// What a session's actor knows, and the two pure functions that move it: decide (a command becomes events, or is
// refused) and apply (an event becomes state). No clock, no store, no loop.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "domain/command.hpp"
#include "domain/event.hpp"
#include "domain/project.hpp"

namespace quarterdeck::session {

// A prompt in the inbox.
struct Waiting {
  MessageId message;
  domain::Delivery delivery = domain::Delivery::queue;
};

struct State {
  domain::Session session;
  // Admitted prompts that wait for their turn, in the order in which they run: interrupting ones, steering ones, the
  // rest; each kind by age.
  std::deque<MessageId> inbox;
  std::map<MessageId, domain::Delivery> urgent;  // those of the inbox that do not just queue
  std::optional<MessageId> turn;  // the prompt that is being answered
  int turn_attempt = 0;           // > 1: restarts interrupted it
  std::map<PermissionId, domain::PermissionRequest> requests;  // open ones
  std::map<std::string, domain::KeyUsed> keys;  // used since the actor was made
  std::set<MessageId> prompts;                   // likewise admitted or stored since then
  std::map<QuestionId, domain::QuestionRequest> questions;     // open ones
  bool deleted = false;

  bool busy() const { return turn || !inbox.empty(); }
  domain::Delivery delivery_of(const MessageId& waiting) const;
  // The prompt that runs next, when it came with this delivery.
  bool next_is(domain::Delivery delivery) const { return !inbox.empty() && delivery_of(inbox.front()) == delivery; }
};

void apply(State& state, const domain::Event& event);

// What a prompt is decided with, beside the state.
struct PromptContext {
  TimeMs now = 0;
  IdSource& ids;
  std::string agent;       // resolved: the prompt's, else the session's, else the default
  domain::ModelRef model;  // resolved likewise
};

struct Admission {
  MessageId message_id;
  std::vector<domain::Event> events;
};

// A prompt is always admitted here; refusing one is the host's (Delivery::reject).
Admission decide(const State& state, const domain::Prompt& prompt, PromptContext context);

std::vector<domain::Event> decide(const State& state, const domain::UpdateSession& update, TimeMs now);

// Errors: `not_found` when the request is not open (never was, or was answered before).
Result<std::vector<domain::Event>> decide(const State& state, const domain::ReplyPermission& reply);

// "calm-tiger": two words that `dice` chooses.
std::string name_of(std::uint64_t dice);
domain::Session new_session(const domain::CreateSession& command, const domain::Project& project, std::string path,
                            IdSource& ids, TimeMs now, std::string_view version);

// True for the title that a session gets when nobody gave one; such a title is replaced after the first prompt.
bool is_default_title(std::string_view title);

}  // namespace quarterdeck::session
