// loadgen http|turns --port P …: puts load on a server and prints one JSON object. bench/run is its user.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

#include "bench/loadgen/load.hpp"

using namespace quarterdeck::loadgen;

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::map<std::string, std::string> given;
  for (int i = 2; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  const auto text = [&](const char* name, const char* otherwise) {
    return given.contains(name) ? given[name] : otherwise;
  };
  const auto number = [&](const char* name, double otherwise) {
    return given.contains(name) ? std::atof(given[name].c_str()) : otherwise;
  };
  const std::string kind = argc > 1 ? argv[1] : "";
  const auto port = static_cast<std::uint16_t>(number("--port", 0));
  std::string out;
  if (kind == "http") {
    out = run_requests({.port = port,
                        .method = text("--method", "GET"),
                        .path = text("--path", "/"),
                        .body = text("--body", ""),
                        .connections = static_cast<int>(number("--connections", 1)),
                        .seconds = number("--seconds", 2),
                        .requests_max = static_cast<std::int64_t>(number("--max", 1e9))});
  } else if (kind == "turns") {
    TurnLoad load{.port = port, .body = text("--body", "{}")};
    std::istringstream ids(text("--sessions", ""));
    for (std::string id; std::getline(ids, id, ',');) load.sessions.push_back(id);
    load.turns = static_cast<int>(number("--turns", 1));
    load.parallel = static_cast<int>(number("--parallel", 1));
    load.subscribers = static_cast<int>(number("--subscribers", 1));
    load.events = text("--events", "/event");
    load.seconds = number("--seconds", 30);
    out = run_turns(load);
  } else {
    std::fputs("usage: loadgen http|turns --port P …\n", stderr);
    return 2;
  }
  std::puts(out.c_str());
}
