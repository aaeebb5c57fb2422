#include "fleet/slots.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::fleet {
namespace {

using domain::Priority;

class SlotsTest : public ::testing::Test {
 protected:
  // "P0 a" waits as a session of that priority.
  std::uint64_t add(const std::string& session, TimeMs now, std::string provider = "p") {
    return queue_.add({session}, std::move(provider), now);
  }
  static Priority priority_of(const SessionId& id) { return static_cast<Priority>(id.value[1] - '0'); }
  SlotQueue queue_{{.all = 4, .per_provider = 3}, &priority_of};
};

TEST_F(SlotsTest, ANewP0HasTheNextFreeSlotHoweverManyWait) {
  for (int i = 0; i < 50; ++i) add("P3 " + std::to_string(i), i, i % 2 ? "p" : "q");
  EXPECT_EQ(queue_.admit(100).size(), 4u);
  for (int run = 0; run < 100; ++run) {
    const TimeMs now = 1'000 + run * 1'000;
    const auto urgent = add("P0 x", now);
    const std::string freed = queue_.running().begin()->first;
    queue_.release(queue_.running().contains("p") ? "p" : freed);
    const auto admitted = queue_.admit(now);
    ASSERT_FALSE(admitted.empty());
    EXPECT_EQ(admitted.front(), urgent) << run;
  }
}

TEST_F(SlotsTest, WorkOfLowPriorityProgressesBetweenHigherOnes) {
  const auto low = add("P3 low", 0);
  std::uint64_t served = 0;
  TimeMs now = 0;
  for (int step = 0; step < 200 && served == 0; ++step) {
    now += 1'000;
    for (int i = 0; i < 6; ++i) add("P1 " + std::to_string(step), now);
    for (const auto ticket : queue_.admit(now)) {
      if (ticket == low) served = ticket;
    }
    while (!queue_.running().empty()) queue_.release("p");
  }
  EXPECT_EQ(served, low);
  EXPECT_LE(now, 3 * SlotQueue::kAgeMs);
}

TEST_F(SlotsTest, NothingStarvesUnderP0) {
  const auto low = add("P3 low", 0);
  for (int i = 0; i < 3; ++i) add("P0 x", 1);
  EXPECT_EQ(queue_.admit(2).size(), 3u);
  for (int i = 0; i < 3; ++i) add("P0 y", SlotQueue::kStarvedMs - 1);
  queue_.release("p");
  EXPECT_EQ(queue_.admit(SlotQueue::kStarvedMs), std::vector<std::uint64_t>{low});
}

TEST_F(SlotsTest, AProviderThatSaidLaterIsAskedByNobodyAndOthersAre) {
  queue_.cool_down("p", 5'000);
  const auto first = add("P0 a", 0, "p");
  const auto second = add("P3 b", 0, "q");
  EXPECT_EQ(queue_.admit(1'000), std::vector<std::uint64_t>{second});
  EXPECT_EQ(queue_.next_change(1'000), 5'000);
  EXPECT_EQ(queue_.admit(5'000), std::vector<std::uint64_t>{first});
}

TEST(Slots, WhoIsPausedWaitsWhateverIsFree) {
  bool paused = true;
  SlotQueue queue(
      {.all = 2, .per_provider = 2}, [](const SessionId&) { return Priority::P0; },
      [&](const SessionId& head) { return paused && head.value == "ses_poor"; });
  const auto poor = queue.add({"ses_poor"}, "p", 0);
  const auto rich = queue.add({"ses_rich"}, "p", 1);
  EXPECT_EQ(queue.admit(2), std::vector<std::uint64_t>{rich});
  paused = false;
  EXPECT_EQ(queue.admit(3), std::vector<std::uint64_t>{poor});
}

TEST_F(SlotsTest, NoProviderTakesMoreThanItsShareAndWhoGivesUpIsForgotten) {
  for (int i = 0; i < 5; ++i) add("P1 a", 0, "p");
  const auto other = add("P3 b", 0, "q");
  const auto admitted = queue_.admit(1);
  EXPECT_EQ(admitted.size(), 4u);
  EXPECT_NE(std::ranges::find(admitted, other), admitted.end());
  queue_.remove(queue_.waiting().front().ticket);
  EXPECT_EQ(queue_.waiting().size(), 1u);
}

}  // namespace
}  // namespace quarterdeck::fleet
