// Answers to requests that may be sent again: kept for a day under the key that the client gave.
// Law: of two requests with one key at the same time, the second waits for the first.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/async.hpp"
#include "session/engine.hpp"
#include "wire/fleet.hpp"

namespace quarterdeck::fleet {

using wire::KeptAnswer;

class Calls {
 public:
  explicit Calls(session::Engine& engine) : engine_(engine) {}

  // Held until it is destroyed.
  class Turn {
   public:
    Turn(Calls& calls, std::string name) : calls_(&calls), name_(std::move(name)) {}
    Turn(Turn&& other) noexcept : calls_(std::exchange(other.calls_, nullptr)), name_(std::move(other.name_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn();

   private:
    Calls* calls_;
    std::string name_;
  };
  Task<Turn> take(SessionId session, std::string key);

  // Errors: not_found (session).
  Result<std::optional<KeptAnswer>> find(const SessionId& session, const std::string& key);
  Task<Result<void>> keep(SessionId session, std::string key, KeptAnswer answer);
  // Removes those that are older than a day, some at a time.
  Task<void> forget_old();

 private:
  session::Engine& engine_;
  std::map<std::string, std::deque<OneShot<Unit>::Setter>> running_;
};

}  // namespace quarterdeck::fleet
