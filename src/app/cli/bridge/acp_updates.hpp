// What a session does, as ACP's session/update notifications. Pure: events in, updates out; an event that comes twice says
// nothing new. https://agentclientprotocol.com, protocol version 1.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "app/cli/live_event.hpp"
#include "domain/message.hpp"

namespace quarterdeck::app {

class AcpUpdates {
 public:
  AcpUpdates(SessionId session, std::string directory)
      : session_(std::move(session)), directory_(std::move(directory)) {}

  // The `update` members as JSON. What the user said is left out: the client knows it.
  std::vector<std::string> on(const LiveEvent& event);
  // A whole message of before, the user's too.
  std::vector<std::string> replay(const domain::MessageWithParts& message);

 private:
  struct Said {
    bool reasoning = false;
    bool hidden = false;
    std::size_t bytes = 0;
    std::size_t state = 0;  // of a call: 1 announced, 2 running, 3 ended
  };
  void part(std::vector<std::string>& out, const domain::Part& part, std::string_view text_update);
  void call(std::vector<std::string>& out, const domain::ToolPart& call, Said& said);

  SessionId session_;
  std::string directory_;
  std::set<MessageId> answers_;
  std::map<PartId, Said> said_;
};

// ACP's kind of a tool: execute, read, edit, search, fetch or other.
std::string_view acp_kind(std::string_view tool);

}  // namespace quarterdeck::app
