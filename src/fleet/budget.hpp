// Limits of what a session and its children may cost.
// Law: over the limit nothing is killed: the next request to a model waits, and goes on when the limit is raised, in the same
//      turn, also after a restart. Counted is what the sessions have stored: what a step cost shows with its end.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "fleet/board.hpp"

namespace quarterdeck::fleet {

struct Usage {
  double cost_usd = 0;
  std::int64_t tokens = 0;
};

// Why the session has to wait. Pure.
std::optional<std::string> over(const domain::Budget& budget, const Usage& usage);

class Budgets {
 public:
  // `on_change`: somebody may go on who could not.
  Budgets(session::Engine& engine, Board& board, std::function<void()> on_change)
      : engine_(engine), board_(board), on_change_(std::move(on_change)) {}

  // Start-up: of the sessions on the board.
  void recover();
  void on_commit(std::span<const store::StoredEvent> events);
  // By the session in the roster.
  bool paused(const SessionId& head) const { return paused_.contains(head); }

 private:
  void count(const SessionId& session);
  Result<Usage> usage_of(const SessionId& head) const;

  session::Engine& engine_;
  Board& board_;
  std::function<void()> on_change_;
  std::set<SessionId> paused_;
};

}  // namespace quarterdeck::fleet
