#include "app/cli/quantity.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::app {
namespace {

TEST(Quantity, AgesUseTheLargestUnitThatSaysSomething) {
  constexpr TimeMs kNow = 1'700'000'000'000;
  constexpr TimeMs kSecond = 1000, kHour = 3600 * kSecond, kDay = 24 * kHour;
  const std::pair<TimeMs, const char*> cases[] = {{-5 * kSecond, "now"}, {0, "now"},           {999, "now"},
                                                  {59 * kSecond, "59s"}, {60 * kSecond, "1m"}, {kHour - 1, "59m"},
                                                  {23 * kHour, "23h"},   {kDay, "1d"},         {13 * kDay, "13d"},
                                                  {14 * kDay, "2w"},     {364 * kDay, "52w"},  {365 * kDay, "1y"}};
  for (const auto& [ago, text] : cases) EXPECT_EQ(age(kNow, kNow - ago), text);
}

TEST(Quantity, DurationsNeverShowSixtySeconds) {
  EXPECT_EQ(duration(-1), "0.0s");
  EXPECT_EQ(duration(12'345), "12.3s");
  EXPECT_EQ(duration(59'949), "59.9s");
  EXPECT_EQ(duration(59'950), "1m 00s");
  EXPECT_EQ(duration(125'000), "2m 05s");
  EXPECT_EQ(duration(3'720'000), "1h 02m");
}

TEST(Quantity, NumbersAreGroupedByThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(grouped(-1'234), "-1,234");
}

TEST(Quantity, SmallCostsKeepTheirDigits) {
  EXPECT_EQ(dollars(0), "$0.00");
  EXPECT_EQ(dollars(0.00001), "<$0.0001");
  EXPECT_EQ(dollars(0.0034), "$0.0034");
  EXPECT_EQ(dollars(1.266), "$1.27");
}

TEST(Quantity, TokensFromTheCacheCountAsInput) {
  EXPECT_EQ(tokens_text({.input = 200, .output = 50, .reasoning = 6, .cache_read = 1000}),
            "1,200 in (1,000 cached), 56 out");
}

}  // namespace
}  // namespace quarterdeck::app
