// Tells apart why a session that works makes no progress. Pure: signs in, verdict out.
// Law: a command whose processes use CPU or move bytes is at work, however long it says nothing; so is one that sleeps by
//      its own will. What waits for somebody (a request, a child that works) is not stalled.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fleet/attention.hpp"

namespace quarterdeck::fleet {

// What was seen of a session whose turn is open. Times in ms of the server's clock.
struct Signs {
  SessionId session;
  bool runs = true;  // the server has a worker for it
  bool waits_for_answer = false;  // of a person or a supervisor
  bool waits_for_slot = false;
  domain::Status status;
  TimeMs last_event = 0;  // of the session, of whatever kind
  bool still_silent = false;  // it was called model_silent, and the model has not said a word since
  struct Tool {
    std::string id;  // of the part
    std::string name;
    TimeMs last_sign = 0;  // output, CPU or bytes of its processes; its start
    bool sleeps = false;  // all that runs in it is sleep
    bool child_works = false;  // it waits for another session that is at work
  };
  std::vector<Tool> tools;  // that run
};

struct StallPolicy {
  std::int64_t model_silent_ms = 45'000;
  std::int64_t tool_hung_ms = 50'000;  // and up to ten more until it is seen
  std::int64_t dead_worker_ms = 15'000;
  std::int64_t rate_limit_ms = 30'000;  // a wait that is announced to be longer
  int retries_max = 5;
  bool operator==(const StallPolicy&) const = default;
};

// Kinds: model_silent, tool_hung, rate_limit, provider_failing, dead_worker.
std::optional<Stall> stalled(const Signs& signs, const StallPolicy& policy, TimeMs now);

}  // namespace quarterdeck::fleet
