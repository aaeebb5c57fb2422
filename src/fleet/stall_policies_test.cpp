#include "fleet/stall_policies.hpp"

#include <gtest/gtest.h>

#include "fleet/cpu_share.hpp"

namespace quarterdeck::fleet {
namespace {

TEST(ProjectPolicy, ReadsThresholdsAndNudgesAndLeavesOutWhatIsWrong) {
  const StallPolicy usual{.model_silent_ms = 7};
  EXPECT_EQ(project_policy("{}", usual), (ProjectPolicy{.stall = usual}));
  const auto policy = project_policy(
      R"({"stall": {"model_silent_s": 90, "tool_hung_s": 0, "rate_limit_s": "x", "nudges": 2, "nudge_after_s": 30}})",
      usual);
  EXPECT_EQ(policy.stall.model_silent_ms, 90'000);
  EXPECT_EQ(policy.stall.tool_hung_ms, usual.tool_hung_ms);
  EXPECT_EQ(policy.stall.rate_limit_ms, usual.rate_limit_ms);
  EXPECT_EQ(policy.nudges, 2);
  EXPECT_EQ(policy.nudge_after_ms, 30'000);
  EXPECT_EQ(project_policy(R"({"stall": {"nudges": 99}})", usual).nudges, 0);
}

TEST(CpuShare, IsMoreForWhatIsMoreUrgent) {
  using enum domain::Priority;
  EXPECT_LT(nice_of(P0), nice_of(P1));
  EXPECT_LT(nice_of(P1), nice_of(P2));
  EXPECT_LT(nice_of(P2), nice_of(P3));
}

}  // namespace
}  // namespace quarterdeck::fleet
