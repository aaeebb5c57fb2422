#include "llm/retry.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::llm {
namespace {

ModelError overloaded() { return {.kind = ModelError::Kind::overloaded, .message = "busy", .retryable = true}; }

TEST(Retry, DoublesTheDelayUpToThirtySeconds) {
  const std::int64_t expected[] = {2'000, 4'000, 8'000, 16'000, 30'000};
  for (int attempt = 1; attempt <= 5; ++attempt) {
    EXPECT_EQ(retry_delay_ms(attempt, overloaded()), expected[attempt - 1]) << attempt;
  }
}

TEST(Retry, GivesUpAfterFiveRetries) { EXPECT_EQ(retry_delay_ms(6, overloaded()), std::nullopt); }

TEST(Retry, WaitsAsLongAsTheProviderAsks) {
  auto error = overloaded();
  error.retry_after_ms = 7'500;
  EXPECT_EQ(retry_delay_ms(1, error), 7'500);
  error.retry_after_ms = -3;
  EXPECT_EQ(retry_delay_ms(1, error), 0);
}

TEST(Retry, WaitsAnHourAtTheMostUnlessToldOtherwise) {
  auto error = overloaded();
  error.retry_after_ms = 3'600'000;
  EXPECT_EQ(retry_delay_ms(1, error), 3'600'000);
  EXPECT_EQ(retry_delay_ms(1, error, 60'000), std::nullopt);
  error.retry_after_ms = 3'600'001;
  EXPECT_EQ(retry_delay_ms(1, error), std::nullopt);
  EXPECT_EQ(retry_delay_ms(1, error, 7'200'000), 3'600'001);
}

TEST(Retry, NeverRepeatsWhatCannotHelp) {
  EXPECT_EQ(retry_delay_ms(1, {.kind = ModelError::Kind::auth, .message = "bad key"}), std::nullopt);
}

TEST(Retry, TriesAMalformedAnswerOnlyOnceMore) {
  const ModelError error{.kind = ModelError::Kind::malformed, .message = "not JSON", .retryable = true};
  EXPECT_EQ(retry_delay_ms(1, error), 2'000);
  EXPECT_EQ(retry_delay_ms(2, error), std::nullopt);
}

}  // namespace
}  // namespace quarterdeck::llm
