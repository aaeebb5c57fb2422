#include "base/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace quarterdeck::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, ShowsCountersGaugesAndHistogramsInPrometheusText) {
  Family<Counter> counted("test_things_total", "Things");
  counted.with(label("kind", "a \"b\"\\\n")).add(3);
  Family<Histogram> waited("test_wait_seconds", "Waits");
  waited.with().observe_ns(300'000);
  waited.with().observe_ns(100'000'000'000);
  const Gauge gauge("test_level", "Level", [] { return 1.5; });
  const std::string text = render();
  EXPECT_THAT(text, HasSubstr("# HELP test_things_total Things\n# TYPE test_things_total counter\n"
                              "test_things_total{kind=\"a \\\"b\\\"\\\\\\n\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("test_wait_seconds_bucket{le=\"0.00025\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("test_wait_seconds_bucket{le=\"0.0005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("test_wait_seconds_bucket{le=\"10\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("test_wait_seconds_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("test_wait_seconds_sum 100.0003\ntest_wait_seconds_count 2\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE test_level gauge\ntest_level 1.5\n"));
}

TEST(Metrics, ForgetsWhatIsGone) {
  { Family<Counter>("test_short_total", "Short").with().add(); }
  EXPECT_THAT(render(), Not(HasSubstr("test_short_total")));
}

TEST(Metrics, CountsOnManyThreadsWithoutLoss) {
  Family<Counter> counted("test_many_total", "Many");
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n) counted.with(n % 2 ? "x=\"1\"" : "x=\"2\"").add();
      });
    }
  }
  EXPECT_EQ(counted.with("x=\"1\"").value() + counted.with("x=\"2\"").value(), 4000u);
}

TEST(Metrics, BoundsTheNumberOfLabels) {
  Family<Counter> counted("test_labels_total", "Labels");
  for (std::size_t i = 0; i < Family<Counter>::kMax + 100; ++i) counted.with(label("n", std::to_string(i))).add();
  const std::string text = render();
  std::size_t lines = 0;
  for (auto at = text.find("\ntest_labels_total{"); at != text.npos; at = text.find("\ntest_labels_total{", at + 1))
    ++lines;
  EXPECT_EQ(lines, Family<Counter>::kMax);
}

}  // namespace
}  // namespace quarterdeck::metrics
