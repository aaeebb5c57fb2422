// The session core keeps its promises in many simulated lives, and the simulation sees when it does not.
// QUARTERDECK_SIMULATION_SEEDS=N and QUARTERDECK_SIMULATION_FIRST=N choose others than 1 to 1,000.
#include "simulation.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/log.hpp"

namespace quarterdeck::simulation {
namespace {

// The environment is cleared of QUARTERDECK_… by script/test: then the defaults hold.
std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string text_of(const Report& report) {
  std::string text = fmt::format("seed {} (session_simulation --seed {} --trace):", report.seed, report.seed);
  for (const std::string& violation : report.violations) text += "\n  " + violation;
  return text;
}

class SimulationTest : public ::testing::Test {
 protected:
  SimulationTest() { log::set_level(log::Level::off); }
  ~SimulationTest() override { log::set_level(log::Level::info); }
};

TEST_F(SimulationTest, NoSeedBreaksAPromise) {
  const std::uint64_t first = from_environment("QUARTERDECK_SIMULATION_FIRST", 1);
  const std::uint64_t seeds = from_environment("QUARTERDECK_SIMULATION_SEEDS", 1'000);
  std::map<std::string, std::uint64_t> counts;
  int failed = 0;
  for (std::uint64_t seed = first; seed < first + seeds && failed < 5; ++seed) {
    const Report report = simulate({.seed = seed});
    for (const auto& [what, times] : report.counts) counts[what] += times;
    if (report.violations.empty()) continue;
    ++failed;
    ADD_FAILURE() << text_of(report);
  }
  // A world in which nothing happens keeps every promise, too.
  if (seeds < 1'000) return;
  for (const char* what : {"prompts", "model calls", "model faults", "crash", "crash at a commit", "planned restart",
                           "failed commits", "replies", "forks"}) {
    EXPECT_GT(counts[what], 50u) << what;
  }
}

TEST_F(SimulationTest, TheSameSeedTakesTheSameCourse) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    const Report first = simulate({.seed = seed});
    const Report second = simulate({.seed = seed});
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.callbacks, second.callbacks) << "seed " << seed;
    EXPECT_NE(first.trace_hash, simulate({.seed = seed + 1'000'000}).trace_hash);
  }
}

class SabotageTest : public SimulationTest,
                     public ::testing::WithParamInterface<std::pair<std::string_view, Sabotage>> {};

TEST_P(SabotageTest, IsFoundWithinAHundredSeeds) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Report report = simulate({.seed = seed, .sabotage = GetParam().second});
    if (report.violations.empty()) continue;
    std::printf("%s: %s\n", std::string(GetParam().first).c_str(), text_of(report).c_str());
    return;
  }
  ADD_FAILURE() << GetParam().first << " was not noticed";
}

std::vector<std::pair<std::string_view, Sabotage>> mistakes() {
  auto all = sabotages();
  std::erase_if(all, [](const auto& entry) { return entry.second == Sabotage::none; });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Simulation, SabotageTest, ::testing::ValuesIn(mistakes()),
                         [](const auto& tested) { return std::string(tested.param.first); });

}  // namespace
}  // namespace quarterdeck::simulation
