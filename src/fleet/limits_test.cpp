#include "fleet/limits.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::fleet {
namespace {

TEST(Limits, WithoutAWordSessionsHaveNone) {
  EXPECT_EQ(limits_of("{}").sessions, kNoLimits);
  EXPECT_EQ(limits_of("{}").requests, SlotLimits());
}

TEST(Limits, AreReadForAllForEachAndByName) {
  const Limits limits = limits_of(R"({"limits": {
    "sessions": {"all": 8, "project": 3, "provider": {"anthropic": 5, "*": 6}, "model": {"a/b": 1}, "age_s": 60},
    "requests": {"provider": 4}}})");
  EXPECT_TRUE(limits.problems.empty());
  EXPECT_EQ(limits.sessions.all, 8u);
  EXPECT_EQ(limits.sessions.per_project, 3u);
  EXPECT_EQ(limits.sessions.per_provider, 6u);
  EXPECT_EQ(limits.sessions.per_model, SlotLimits::kNone);
  EXPECT_EQ(limits.sessions.named, (std::map<std::string, std::size_t>{{"model a/b", 1}, {"provider anthropic", 5}}));
  EXPECT_EQ(limits.sessions.age_ms, 60'000);
  EXPECT_EQ(limits.requests.per_provider, 4u);
}

TEST(Limits, WhatIsWrongIsToldWithItsPathAndCountsAsAbsent) {
  const Limits limits = limits_of(
      R"({"limits": {"sessions": {"all": 0, "model": {"a/b": "x"}, "user": 1, "project": 1.5}, "slots": {}, "requests": 3}})");
  const std::string all = [&] {
    std::string out;
    for (const std::string& each : limits.problems) out += each + "\n";
    return out;
  }();
  for (const char* path :
       {R"(["limits"]["sessions"]["all"])", R"(["sessions"]["model"]["a/b"])", R"(["sessions"]["user"])",
        R"(["sessions"]["project"])", R"(["limits"]["slots"])", R"(["limits"]["requests"])"}) {
    EXPECT_NE(all.find(path), std::string::npos) << path << "\n" << all;
  }
  EXPECT_EQ(limits.sessions, kNoLimits);
  EXPECT_FALSE(limits_of(R"({"limits": 3})").problems.empty());
}

}  // namespace
}  // namespace quarterdeck::fleet
