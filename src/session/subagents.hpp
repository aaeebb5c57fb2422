// Subagents: child sessions that `task` calls start, continue and wait for.
//   call ─ ask ─ link stored ─ child made ─ prompt admitted (its id is the link's) ─ wait ─ result
// Laws: each arrow is repeated safely, so a call that a restart cut off goes on waiting for its child and runs nothing
//       twice. Aborting the call aborts the child. A child may do at most what its parent may. A child in the background
//       reports to its parent exactly once, as a prompt, also when the server was down when it ended.
#pragma once

#include "base/async.hpp"
#include "session/children.hpp"
#include "session/engine.hpp"

namespace quarterdeck::session {

class Host;

class Subagents final : public Children {
 public:
  Subagents(Engine& engine, Host& host) : engine_(engine), host_(host), watching_(engine.loop) {}

  Task<tools::ToolResult> run(ChildCall call) override;
  // Start-up: goes on waiting for what worked in the background.
  Result<void> recover();
  Task<void> join() { return watching_.join(); }

 private:
  struct Outcome {
    enum class Kind { completed, failed, cut_off } kind = Kind::completed;
    std::string text;
  };
  Task<Result<ChildLink>> link(ChildCall& call, const domain::Agent& agent, bool& fresh);
  Task<Result<void>> make_child(const ChildCall& call, const domain::Agent& agent, const ChildLink& link, bool fresh);
  Task<Outcome> wait(ChildLink link, std::stop_token stop);
  Result<Outcome> outcome_of(const ChildLink& link, const MessageId& answer) const;
  Task<void> watch(SessionId child);
  Task<Result<void>> tell(SessionId child);
  bool watched(const SessionId& child) const;

  Engine& engine_;
  Host& host_;
  TaskGroup watching_;
  std::vector<SessionId> watched_;
};

// The rules of a child: what the parent's session and agent deny or ask, unless the child's agent is as strict itself;
// no todo list and no tasks of its own unless its agent says so.
domain::Ruleset child_rules(const domain::Ruleset& parent_session, const domain::Agent& parent,
                            const domain::Agent& child, const std::vector<std::string>& primary_tools);

}  // namespace quarterdeck::session
