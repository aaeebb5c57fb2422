// Limits of what work may cost: of a session with its children, of a project, of who hands over, of a day.
// Laws: over a limit nothing is killed: the next request to a model waits, and goes on when the limit is raised, in the same
//       turn, also after a restart. Counted is what was stored: what a step cost shows with its end. At 80 % it is told.
//       Sessions without a limit cost nothing here.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "fleet/board.hpp"
#include "fleet/shared_budgets.hpp"

namespace quarterdeck::fleet {

// Why the session has to wait. Pure.
std::optional<std::string> over(const domain::Budget& budget, const Usage& usage);
// What is nearly used up. Pure.
std::optional<std::string> nearly_over(const domain::Budget& budget, const Usage& usage);

class Budgets {
 public:
  // `on_change`: somebody may go on who could not.
  Budgets(session::Engine& engine, Board& board, std::function<void()> on_change)
      : engine_(engine), board_(board), on_change_(std::move(on_change)) {}

  // Start-up: of the sessions on the board, and what was spent since midnight.
  Task<void> recover(SharedLimits limits);
  void on_commit(std::span<const store::StoredEvent> events);
  void on_attention(const SessionId& head, const domain::Attention& attention);
  // What is due by itself: wall time that is over, a new day. Then when to look again.
  void tick();
  TimeMs next_due() const;
  // By the session in the roster.
  bool paused(const SessionId& head) const { return paused_.contains(head); }
  std::optional<Usage> usage(const SessionId& head) const;

  const SharedBudgets& shared() const { return shared_; }
  // Takes hold at once, and is kept. Errors: `unavailable`.
  Task<Result<void>> set_shared(std::string kind, std::string name, std::optional<domain::Budget> budget);

 private:
  // What is not in the sessions' own rows: only of those whose budget asks for it.
  struct Tally {
    std::int64_t steps = 0;
    std::int64_t wall_ms = 0;
    std::optional<TimeMs> working_since;
    bool operator==(const Tally&) const = default;
  };
  struct Owner {
    std::string project;
    std::string principal;
  };
  void count(const SessionId& session);
  void look_at_all();
  void on_step(const store::StoredEvent& event);
  Result<Usage> usage_of(const SessionId& head) const;
  void begin_tally(const SessionId& session);
  Tally& tally_of(const SessionId& head);
  void keep(const SessionId& head, const Tally& tally);
  const Owner& owner_of(const SessionId& head);

  session::Engine& engine_;
  Board& board_;
  std::function<void()> on_change_;
  std::set<SessionId> paused_;
  std::set<SessionId> budgeted_;  // in steps or wall time
  std::map<SessionId, Tally> tallies_;
  std::map<SessionId, MessageId> newest_step_;
  std::map<SessionId, Owner> owners_;  // while there are shared limits
  SharedBudgets shared_;
};

}  // namespace quarterdeck::fleet
