#include "llm/cost.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::llm {
namespace {

TEST(Cost, BillsEachKindOfTokenAtItsPrice) {
  const domain::Tokens tokens{
      .input = 1'000'000, .output = 100'000, .reasoning = 100'000, .cache_read = 2'000'000, .cache_write = 500'000};
  const domain::Prices prices{.input = 3, .output = 15, .cache_read = 0.3, .cache_write = 3.75};
  EXPECT_DOUBLE_EQ(cost_dollars(tokens, prices), 3 + 3 + 0.6 + 1.875);
}

TEST(Cost, IsZeroWithoutPrices) { EXPECT_EQ(cost_dollars({.input = 1'000}, {}), 0); }

}  // namespace
}  // namespace quarterdeck::llm
