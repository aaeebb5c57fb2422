#include "base/id.hpp"

#include <set>

#include <gtest/gtest.h>

namespace quarterdeck {
namespace {

class Counting final : public Random {
 public:
  std::uint64_t next() override { return ++last_; }

 private:
  std::uint64_t last_ = 0;
};

struct IdSourceTest : ::testing::Test {
  FakeClock clock;
  Counting random;
  IdSource ids{clock, random};
};

TEST_F(IdSourceTest, HaveOpenCodesForm) {
  const std::string id = ids.message().value;
  ASSERT_EQ(id.size(), 4 + 12 + 14U);
  EXPECT_TRUE(id.starts_with("msg_"));
  EXPECT_EQ(id.substr(4, 12).find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(ids.other("pty").substr(0, 4), "pty_");
}

TEST_F(IdSourceTest, SortByTimeAndSessionsTheOtherWayRound) {
  const auto first = ids.message();
  const auto newer = ids.message();
  const auto session = ids.session();
  clock.advance_ms(1);
  EXPECT_LT(first, newer);
  EXPECT_LT(newer, ids.message());
  EXPECT_GT(session, ids.session());
}

TEST_F(IdSourceTest, SortAlsoWhenTheClockStepsBack) {
  const auto before = ids.message();
  clock.advance_ms(-60'000);
  EXPECT_LT(before, ids.message());
}

TEST_F(IdSourceTest, SortAlsoWhenAMillisecondRunsOutOfNumbers) {
  MessageId last = ids.message();
  for (int i = 0; i < 10'000; ++i) {
    if (i % 4'900 == 0) clock.advance_ms(1);
    const MessageId next = ids.message();
    ASSERT_LT(last, next) << i;
    last = next;
  }
}

TEST_F(IdSourceTest, MessageAfterSortsBehindWhateverAClientSent) {
  for (const char* floor : {"msg_", "msg_ffffffffffffZZZZZZZZZZZZZZ", "msg_zzzz", "msg_0"}) {
    EXPECT_GT(ids.message_after({floor}), MessageId{floor}) << floor;
  }
}

TEST(SystemRandom, DoesNotRepeatItself) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(system_random().next());
  EXPECT_EQ(seen.size(), 1'000U);
}

}  // namespace
}  // namespace quarterdeck
