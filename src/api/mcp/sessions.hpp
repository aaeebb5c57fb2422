// The sessions of MCP's stateful revisions, which are only names: what a client does is in our own sessions. Bounded in
// number, forgotten after an hour without a request (looked at when somebody comes, no timer).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/async.hpp"
#include "base/clock.hpp"

namespace quarterdeck::api::mcp {

inline constexpr std::size_t kSessionsMax = 500;
inline constexpr std::int64_t kSessionIdleMs = 3'600'000;

struct Session {
  std::string version;
  TimeMs used = 0;
  // Calls that run, by the text of their id: a call ends with whichever answer comes first.
  std::map<std::string, OneShot<std::string>::Setter> running;
};

class Sessions {
 public:
  explicit Sessions(Clock& clock) : clock_(clock) {}

  // With too many of them the one that was idle for longest goes.
  void open(std::string id, std::string version);
  // Null: unknown or forgotten.
  Session* find(std::string_view id);
  bool close(std::string_view id);
  std::size_t size() const { return sessions_.size(); }

 private:
  Clock& clock_;
  std::map<std::string, Session, std::less<>> sessions_;
};

}  // namespace quarterdeck::api::mcp
