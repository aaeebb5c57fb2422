// A session rebuilt from its events alone, independently of the projections: what the log says must be what the tables
// and the actors say.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "domain/event.hpp"
#include "session/state.hpp"
#include "store/query.hpp"

namespace quarterdeck::simulation {

struct Replica {
  session::State state;
  std::map<MessageId, domain::Message> messages;
  std::map<MessageId, std::map<PartId, domain::Part>> parts;
  std::vector<MessageId> admitted;
  std::vector<MessageId> begun;
  std::vector<MessageId> out_of_turn;  // began although they were not first in the inbox, or while another was answered
  std::map<MessageId, int> ended;  // turns, by prompt
  std::map<SessionId, std::set<MessageId>> told;  // of tasks in the background that ended, by child

  void apply(const domain::Event& event);
};

// By session; deleted ones are absent.
class Replicas {
 public:
  void apply(const SessionId& session, const domain::Event& event);
  const std::map<SessionId, Replica>& all() const { return sessions_; }
  const Replica* find(const SessionId& id) const;

 private:
  std::map<SessionId, Replica> sessions_;
};

// What differs, in a few words; empty when nothing does.
std::string difference(const Replica& replica, store::Query& query, const SessionId& id);
std::string difference(const session::State& left, const session::State& right);

}  // namespace quarterdeck::simulation
