#include "fleet/budget.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::fleet {
namespace {

using domain::Budget;

TEST(BudgetLaw, EveryLimitIsToldWhenItIsReachedAndAtEightyPercent) {
  const Budget budget{.cost_usd = 1.0, .tokens = 100, .steps = 10, .wall_ms = 100'000};
  EXPECT_FALSE(over(budget, {.cost_usd = 0.5, .tokens = 50, .steps = 5, .wall_ms = 5'000}));
  EXPECT_NE(over(budget, {.cost_usd = 1.0})->find("$1.00 of $1.00"), std::string::npos);
  EXPECT_NE(over(budget, {.tokens = 100})->find("100 of 100 tokens"), std::string::npos);
  EXPECT_NE(over(budget, {.steps = 11})->find("11 of 10 steps"), std::string::npos);
  EXPECT_NE(over(budget, {.wall_ms = 100'000})->find("100 s of 100 s"), std::string::npos);
  EXPECT_FALSE(nearly_over(budget, {.steps = 7}));
  EXPECT_NE(nearly_over(budget, {.steps = 8})->find("8 of 10 steps"), std::string::npos);
  EXPECT_FALSE(nearly_over(budget, {.steps = 10})) << "that is over";
  EXPECT_FALSE(over({}, {.cost_usd = 1e9}));
  EXPECT_TRUE(over({.tokens = 0}, {})) << "a limit of nothing is one";
}

TEST(SharedBudgets, CountTheDayTheProjectAndWhoHandsOver) {
  SharedBudgets shared({{"day", {.cost_usd = 10}}, {"project *", {.tokens = 100}}, {"principal bot", {.steps = 2}}});
  shared.turn_to(SharedBudgets::kDayMs * 5);
  const TimeMs now = SharedBudgets::kDayMs * 5 + 1;
  shared.spend("p", "bot", {.cost_usd = 1, .tokens = 85, .steps = 1}, now);
  EXPECT_FALSE(shared.over("p", "bot"));
  EXPECT_NE(shared.nearly_over("p", "")->find("The project p today: Has used 85 of 100"), std::string::npos);
  shared.spend("q", "bot", {.cost_usd = 1, .tokens = 1, .steps = 1}, now);
  EXPECT_NE(shared.over("q", "bot")->find("principal bot"), std::string::npos);
  EXPECT_FALSE(shared.over("q", "person"));
  shared.spend("r", "", {.cost_usd = 8}, now);
  EXPECT_NE(shared.over("new", "")->find("This server today: Has cost $10.00"), std::string::npos);
  shared.set("day", Budget{.cost_usd = 20});
  EXPECT_FALSE(shared.over("new", ""));
  EXPECT_EQ(shared.lines().size(), 6u) << "three limits, and what * is for";
  EXPECT_FALSE(shared.turn_to(now));
  EXPECT_TRUE(shared.turn_to(SharedBudgets::kDayMs * 6));
  EXPECT_FALSE(shared.over("q", "bot")) << "a new day";
  shared.spend("q", "bot", {.steps = 5}, now);
  EXPECT_FALSE(shared.over("q", "bot")) << "that was yesterday";
}

TEST(SharedBudgets, WhatIsWrongInTheConfigurationIsToldWithItsPath) {
  std::vector<std::string> problems;
  const auto limits = shared_limits_of(
      R"({"budgets": {"day": {"cost_usd": -1}, "week": {}, "project": {"a": {"tokens": "x"}, "b": {"tokens": 5}},
          "principal": {"c": {"wall_ms": 5}}}})",
      problems);
  EXPECT_EQ(limits, (SharedLimits{{"project b", {.tokens = 5}}}));
  std::string all;
  for (const std::string& each : problems) all += each + "\n";
  for (const char* path : {R"(["budgets"]["day"])", R"(["budgets"]["week"])", R"(["budgets"]["project"]["a"])",
                           R"(["budgets"]["principal"]["c"])"}) {
    EXPECT_NE(all.find(path), std::string::npos) << path << "\n" << all;
  }
}

}  // namespace
}  // namespace quarterdeck::fleet
