// Supervision: what surfaces ask about all sessions, and do with them, beyond the conversation. Reads go to the store and
// the board; what changes a session goes through the session's host.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "domain/fleet.hpp"
#include "fleet/board.hpp"

namespace quarterdeck::fleet {

struct RosterFilter {
  std::optional<domain::Attention::Group> group;
  std::optional<domain::Attention::State> state;
  std::optional<domain::Priority> priority;
  std::optional<std::string> project_id;
  std::optional<std::string> directory;
  std::optional<std::string> label;
  std::optional<std::string> owner;
  std::string search;  // part of the title
  bool archived = false;  // those of the archive too
  std::string cursor;  // from RosterPage::next
  std::size_t limit = 100;
};

struct RosterPage {
  std::vector<domain::RosterRow> rows;
  std::string next;  // empty: there are no more
  std::map<domain::Attention::Group, std::size_t> counts;  // on the board: all groups but quiet
  store::Seq seq = 0;  // for wait and events: what changes after this page
};

class Fleet {
 public:
  // Both outlive it.
  Fleet(session::Engine& engine, session::Host& host);
  ~Fleet();

  Board& board() { return board_; }
  session::Engine& engine() { return engine_; }
  session::Host& host() { return host_; }

  // Start-up, beside the sessions' recovery. Then it looks after itself until shutdown().
  Task<Result<void>> recover();
  Task<void> shutdown();

  // By group, priority, longest waiting; then the quiet ones, newest first. Error: `invalid` (cursor).
  Task<Result<RosterPage>> roster(RosterFilter filter);
  Result<domain::RosterRow> row(const SessionId& session);

 private:
  Task<void> keep_watch();

  session::Engine& engine_;
  session::Host& host_;
  Board board_;
  TaskGroup watching_;
};

}  // namespace quarterdeck::fleet
