#include "session/no_progress.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::session {
namespace {

using namespace domain;

std::vector<Part> step(std::string tool, std::string input, std::string output) {
  return {{.content = ToolPart{.call_id = "c",
                               .tool = std::move(tool),
                               .state = ToolCompleted{.input = {std::move(input)}, .output = std::move(output)}}}};
}

// After how many steps of `make(i)` the guard speaks; 0 = never within 200.
template <class Make>
int stops_after(Make make) {
  ProgressGuard guard(5);
  for (int i = 0; i < 200; ++i) {
    guard.add(make(i));
    if (guard.stalled()) return i + 1;
  }
  return 0;
}

TEST(ProgressGuard, StopsTheSameStepFiveTimes) {
  EXPECT_EQ(stops_after([](int) { return step("bash", "{}", "same"); }), 5);
}

TEST(ProgressGuard, StopsCyclesOfTwoToFourSteps) {
  for (int period = 2; period <= 4; ++period) {
    EXPECT_EQ(stops_after([&](int i) { return step("bash", std::to_string(i % period), "same"); }), 4 * period);
  }
}

TEST(ProgressGuard, LetsWorkGoOn) {
  EXPECT_EQ(stops_after([](int i) { return step("bash", std::to_string(i), "same"); }), 0);
  EXPECT_EQ(stops_after([](int i) { return step("bash", std::to_string(i % 5), std::to_string(i)); }), 0);
}

TEST(ProgressGuard, LetsPollingGoOnForAWhile) {
  EXPECT_EQ(stops_after([](int i) { return step("bash", "{}", std::to_string(i)); }), 25);
}

TEST(ProgressGuard, StopsWhatCannotBeUnderstood) {
  EXPECT_EQ(stops_after([](int i) { return step("invalid", std::to_string(i), std::to_string(i)); }), 5);
}

TEST(ProgressGuard, BeginsAnewAfterAStepWithoutCalls) {
  EXPECT_EQ(stops_after([](int i) {
              return i % 4 == 3 ? std::vector<Part>{{.content = TextPart{.text = "hm"}}} : step("bash", "{}", "same");
            }),
            0);
}

}  // namespace
}  // namespace quarterdeck::session
