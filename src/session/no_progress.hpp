// Notices a turn that goes round in circles: the same tool calls with the same results, one after the other or in a
// cycle of up to four steps. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "domain/message.hpp"

namespace quarterdeck::session {

class ProgressGuard {
 public:
  static constexpr std::size_t kPeriodMax = 4;
  static constexpr std::size_t kCycles = 4;        // of two to four steps, with the same results
  static constexpr std::size_t kBlindCycles = 25;  // with whatever results: polling is fine, for a while
  static constexpr std::size_t kInvalidSteps = 5;  // in which no call could be run at all

  // `repeats`: so often the same step with the same results.
  explicit ProgressGuard(std::size_t repeats) : repeats_(repeats) {}

  // The parts of a finished step. One without calls begins anew.
  void add(const std::vector<domain::Part>& parts);
  // Why the turn should stop; nothing while there is progress.
  std::optional<std::string> stalled() const;

 private:
  struct Step {
    std::size_t calls = 0;    // names and arguments
    std::size_t results = 0;  // … and what came of them
    bool invalid = false;
  };
  bool goes_round(std::size_t period, std::size_t cycles, std::size_t Step::* print) const;

  std::size_t repeats_;
  std::deque<Step> steps_;
};

}  // namespace quarterdeck::session
