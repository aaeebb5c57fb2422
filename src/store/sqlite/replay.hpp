// Does the log lead to the tables? One session's events are replayed into an empty database by the same projector that
// wrote them, and what comes out is compared with what is stored.
#pragma once

#include <functional>
#include <string>

#include "store/sqlite/connection.hpp"

namespace quarterdeck::store::sqlite {

using OnProblem = std::function<void(std::string)>;

// What set operations find: events without their entity, entities without their event, parts without a message…
void compare_references(Connection& sql, const OnProblem& on_problem);

class Replay {
 public:
  explicit Replay(Connection& stored);
  ~Replay();
  // Throws SqlFailure.
  void compare_session(std::int64_t key, const OnProblem& on_problem);

 private:
  Connection& stored_;
  std::unique_ptr<Connection> replayed_;
};

}  // namespace quarterdeck::store::sqlite
