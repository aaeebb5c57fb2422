// What a project says about sessions that make no progress: "quarterdeck": {"stall": {…}} (docs/fleet.md). Read when the
// first session of a directory works; and the nudges that it asks for: bounded, before anybody is told to look.
// Everything runs on the loop.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fleet/board.hpp"
#include "fleet/stall.hpp"

namespace quarterdeck::fleet {

struct ProjectPolicy {
  StallPolicy stall;
  int nudges = 0;  // "nudges": of one stall after the other, until a turn ends
  std::int64_t nudge_after_ms = 60'000;  // "nudge_after_s": of being stalled
  bool operator==(const ProjectPolicy&) const = default;
};
// Wrong values are told and do not count.
ProjectPolicy project_policy(std::string_view ours, const StallPolicy& usual);

class StallPolicies {
 public:
  using Nudge = std::function<Task<void>(SessionId head)>;
  StallPolicies(session::Engine& engine, Board& board, StallPolicy usual, Nudge nudge);

  const StallPolicy& of(const SessionId& session) const;
  void on_commit(std::span<const store::StoredEvent> events);
  void on_attention(const SessionId& head, const domain::Attention& now);
  void tick();
  Task<void> shutdown();

 private:
  Task<void> load(std::string directory);
  // Its next nudge, when it gets another one.
  std::optional<domain::Attention::Next> plan(const SessionId& head);

  session::Engine& engine_;
  Board& board_;
  StallPolicy usual_;
  Nudge nudge_;
  std::map<std::string, ProjectPolicy> by_directory_;
  std::map<SessionId, std::string> directory_of_;  // of sessions at work
  struct Nudging {
    int done = 0;
    std::optional<TimeMs> due;
    std::optional<TimeMs> heard_by;  // of the newest: until then it may help
  };
  std::map<SessionId, Nudging> nudging_;
  TaskGroup background_;
};

}  // namespace quarterdeck::fleet
