// What a `task` call needs from the sessions' host: a child session that does the work.
#pragma once

#include <optional>

#include "domain/agent.hpp"
#include "domain/model.hpp"
#include "session/instance.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::session {

class CallHost;

// Which child answers a call, and with which prompt. Stored in the call's part before the child begins, so that the same
// call finds the same child after a restart.
struct ChildLink {
  SessionId child;
  MessageId prompt;
};

struct ChildCall {
  tools::Delegation work;
  SessionId parent;
  domain::ModelRef model;  // of the message that calls
  const domain::Agent& agent;
  Instance& instance;
  bool ask = true;  // false: the user named the agent himself
  std::stop_token stop;
  CallHost& host;
};

class Children {
 public:
  virtual ~Children() = default;
  virtual Task<tools::ToolResult> run(ChildCall call) = 0;
};

}  // namespace quarterdeck::session
