// The two kinds of load. Each runs to its end or its deadline and returns what it saw as one JSON object.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quarterdeck::loadgen {

// The same request again and again, `connections` at a time.
struct RequestLoad {
  std::uint16_t port = 0;
  std::string method = "GET";
  std::string path = "/";
  std::string body;
  int connections = 1;
  double seconds = 2;
  std::int64_t requests_max = 1'000'000'000;
};
std::string run_requests(const RequestLoad& load);

// Prompts: `turns` one after another in each session, `parallel` sessions at a time, while `subscribers` read /event. A
// turn ends when the first subscriber reads its session's session.idle. The marks in the scripted model's deltas say how
// late each one is.
struct TurnLoad {
  std::uint16_t port = 0;
  std::vector<std::string> sessions;
  std::string body;
  int turns = 1;
  int parallel = 1;
  int subscribers = 1;
  std::string events = "/event";  // or /global/event, for sessions of several projects
  double seconds = 30;
};
std::string run_turns(const TurnLoad& load);

}  // namespace quarterdeck::loadgen
