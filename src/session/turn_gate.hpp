// Whether a session may begin a turn now, or waits for a place (the fleet's limits). Without one every turn begins at once.
// Laws: a session holds one place from the beginning of a turn until nothing follows it; its children need none of their own.
//       Whoever waits is in the store as a waiting prompt or an open turn: nothing else has to survive a restart.
#pragma once

#include <stop_token>

#include "base/async.hpp"
#include "domain/session.hpp"

namespace quarterdeck::session {

class TurnGate {
 public:
  virtual ~TurnGate() = default;
  // True: it has its place. False: it has to wait().
  virtual bool enter(const domain::Session& session, const MessageId& prompt) = 0;
  // False: `stop` was requested before there was room.
  virtual Task<bool> wait(domain::Session session, MessageId prompt, std::stop_token stop) = 0;
  // Gives the place back.
  virtual void leave(const domain::Session& session) = 0;
};

}  // namespace quarterdeck::session
