// Watches sessions at work for signs of progress, and tells the board of those that show none (stall.hpp).
// Signs: every committed event; output of tools; CPU and bytes of their processes, sampled.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>

#include "fleet/board.hpp"
#include "fleet/cpu_share.hpp"
#include "fleet/process_tree.hpp"
#include "fleet/stall.hpp"

namespace quarterdeck::fleet {

class Watch {
 public:
  // `waits_for_slot`: its request to the model has not gone out.
  Watch(session::Engine& engine, session::Host& host, Board& board,
        std::function<const StallPolicy&(const SessionId&)> policy_of,
        std::function<bool(const SessionId&)> waits_for_slot, std::optional<CpuGroups> groups)
      : engine_(engine),
        host_(host),
        board_(board),
        policy_of_(std::move(policy_of)),
        waits_for_slot_(std::move(waits_for_slot)),
        cpu_(engine.pool, std::move(groups)) {}

  void on_commit(std::span<const store::StoredEvent> events);
  // Every few seconds while something is under way.
  Task<void> look();
  // False while nothing runs, or all that runs waits for people: only a commit changes that.
  bool active() const { return !seen_.empty() && !all_wait_; }

 private:
  struct Tool {
    std::string name;
    std::int64_t pid = 0;
    TimeMs last_sign = 0;
    TreeSample sample;
    std::string child;  // the session that a task waits for
  };
  struct Seen {
    TimeMs last_event = 0;
    bool silent = false;  // was called so, and no word has come since
    std::map<std::string, Tool> tools;  // that run, by part
  };
  void see_part(const store::StoredEvent& event, Seen& seen);
  Task<void> sample();
  Signs signs_of(const SessionId& session, const domain::Status& status, const Seen& seen) const;
  void share_again(const SessionId& head);
  void judge();

  session::Engine& engine_;
  session::Host& host_;
  Board& board_;
  std::function<const StallPolicy&(const SessionId&)> policy_of_;
  std::function<bool(const SessionId&)> waits_for_slot_;
  CpuShare cpu_;
  std::map<SessionId, Seen> seen_;  // with an open turn
  bool all_wait_ = false;
  std::map<SessionId, SessionId> stalled_;  // by the session that stands for it in the roster: who it is
};

}  // namespace quarterdeck::fleet
