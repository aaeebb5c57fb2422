// One simulated life of the session core from one seed: clients, faults, crashes and restarts, then calm, until
// everything rests; the invariants are checked on the way and at the end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "world.hpp"

namespace quarterdeck::simulation {

struct Options {
  std::uint64_t seed = 1;
  bool trace = false;  // printed line by line
  Sabotage sabotage = Sabotage::none;
};

struct Report {
  std::uint64_t seed = 0;
  std::uint64_t trace_hash = 0;  // the same for the same seed and the same program
  std::uint64_t callbacks = 0;
  std::int64_t virtual_ms = 0;
  std::map<std::string, std::uint64_t> counts;
  std::vector<std::string> violations;
};

Report simulate(const Options& options);

}  // namespace quarterdeck::simulation
