#include "fleet/slots.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::fleet {
namespace {

using domain::Priority;

class SlotsTest : public ::testing::Test {
 protected:
  // "P0 a" waits as a session of that priority.
  std::uint64_t add(const std::string& session, TimeMs now, std::string provider = "p") {
    return queue_.add({.head = {session}, .provider = std::move(provider)}, now);
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
    queue_.release({.provider = queue_.running().contains("provider p") ? "p" : "q"});
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
    while (!queue_.running().empty()) queue_.release({.provider = "p"});
  }
  EXPECT_EQ(served, low);
  EXPECT_LE(now, 3 * SlotLimits().age_ms);
}

TEST_F(SlotsTest, NothingStarvesUnderP0) {
  const auto low = add("P3 low", 0);
  for (int i = 0; i < 3; ++i) add("P0 x", 1);
  EXPECT_EQ(queue_.admit(2).size(), 3u);
  for (int i = 0; i < 3; ++i) add("P0 y", SlotLimits().starved_ms - 1);
  queue_.release({.provider = "p"});
  EXPECT_EQ(queue_.admit(SlotLimits().starved_ms), std::vector<std::uint64_t>{low});
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
  const auto poor = queue.add({.head = {"ses_poor"}, .provider = "p"}, 0);
  const auto rich = queue.add({.head = {"ses_rich"}, .provider = "p"}, 1);
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

TEST_F(SlotsTest, AfterLaterOneAsksForAllAndTheOthersFollowItsAnswer) {
  queue_.cool_down("p", 5'000);
  const auto first = add("P1 a", 0);
  const auto second = add("P1 b", 1);
  EXPECT_EQ(queue_.admit(5'000), std::vector<std::uint64_t>{first});
  EXPECT_TRUE(queue_.obstacle({.provider = "p"}, 5'000)->probing);
  EXPECT_TRUE(queue_.admit(5'001).empty());
  queue_.release({.provider = "p"});
  queue_.cool_down("p", 9'000);
  EXPECT_TRUE(queue_.admit(8'999).empty()) << "the answer was: later again";
  EXPECT_EQ(queue_.admit(9'000), std::vector<std::uint64_t>{second});
  const auto third = add("P1 c", 9'000);
  queue_.warm_up("p");
  EXPECT_EQ(queue_.admit(9'001), std::vector<std::uint64_t>{third});
}

TEST(Slots, EveryLimitHoldsAndIsNamed) {
  SlotQueue queue({.all = 10, .per_project = 2, .per_model = 3, .named = {{"provider slow", 1}}},
                  [](const SessionId&) { return Priority::P2; });
  const SlotClaim slow{.head = {"a"}, .project = "x", .provider = "slow", .model = "slow/m"};
  queue.add(slow, 0);
  queue.add(slow, 0);
  EXPECT_EQ(queue.admit(0).size(), 1u);
  EXPECT_EQ(queue.obstacle(slow, 0)->limit, "provider slow");
  const SlotClaim fast{.head = {"b"}, .project = "x", .provider = "fast", .model = "fast/m"};
  queue.add(fast, 0);
  EXPECT_EQ(queue.admit(0).size(), 1u);
  EXPECT_EQ(queue.obstacle(fast, 0)->limit, "project x");
  const SlotClaim elsewhere{.head = {"c"}, .project = "y", .provider = "fast", .model = "fast/m"};
  for (int i = 0; i < 2; ++i) queue.take(elsewhere);
  EXPECT_EQ(queue.obstacle({.project = "z", .provider = "fast", .model = "fast/m"}, 0)->limit, "model fast/m");
  queue.release(slow);
  EXPECT_EQ(queue.admit(0).size(), 1u) << "its place goes to who waited for it";
}

TEST_F(SlotsTest, WhatWasUnderWayGoesOnFirst) {
  queue_.add({.head = {"P3 a"}, .provider = "p", .under_way = true}, 50);
  add("P0 b", 0);
  EXPECT_EQ(queue_.in_order(60).front()->claim.head.value, "P3 a");
}

}  // namespace
}  // namespace quarterdeck::fleet
