// The one source of chance of a simulation: everything that could come out differently asks it. A seed gives the same
// throws on every machine (no distribution of the standard library is used: those differ).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/id.hpp"

namespace quarterdeck::simulation {

class Dice final : public Random {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  // splitmix64
  std::uint64_t next() override {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int per_mille) { return between(1, 1000) <= per_mille; }
  template <class Range>
  auto& pick(Range& range) {
    return range[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(std::size(range)) - 1))];
  }
  // Mostly nothing, now and then a lot: most waits are short, and the long ones are where the faults hide.
  std::int64_t delay_ms(std::int64_t longest) {
    if (longest <= 0 || chance(500)) return 0;
    return chance(800) ? between(0, longest / 20) : between(0, longest);
  }
  Dice child() { return Dice(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace quarterdeck::simulation
