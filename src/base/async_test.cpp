#include "base/async.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/testing/test_loop.hpp"

namespace quarterdeck {
namespace {

using testing::TestLoop;

Task<int> answer() { co_return 42; }
Task<int> twice(Task<int> inner) {
  const int value = co_await std::move(inner);
  co_return value * 2;
}
Task<int> throws() {
  throw std::runtime_error("broken");
  co_return 0;
}
Task<void> set_when_run(bool& ran) {
  ran = true;
  co_return;
}

TEST(Task, RunsOnlyWhenAwaited) {
  TestLoop loop;
  bool ran = false;
  { Task<void> never = set_when_run(ran); }
  EXPECT_FALSE(ran);
  loop.run_until(set_when_run(ran));
  EXPECT_TRUE(ran);
}

TEST(Task, HandsItsValueUp) {
  TestLoop loop;
  EXPECT_EQ(loop.run_until(twice(twice(answer()))), 168);
}

TEST(Task, RethrowsWhereItIsAwaited) {
  TestLoop loop;
  EXPECT_THROW(loop.run_until(twice(throws())), std::runtime_error);
}

Task<std::int64_t> sum_of(std::int64_t count) {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += co_await answer();
  co_return sum;
}

TEST(Task, AwaitsManyFinishedTasksWithoutGrowingTheStack) {
  TestLoop loop;
  EXPECT_EQ(loop.run_until(sum_of(1'000'000)), 42'000'000);
}

Task<std::string> value_of(OneShot<std::string>& shot) { co_return co_await shot; }

TEST(OneShot, ValueMayComeBeforeOrAfterTheWait) {
  TestLoop loop;
  OneShot<std::string> early(loop);
  early.setter()("early");
  EXPECT_TRUE(early.ready());
  EXPECT_EQ(loop.run_until(value_of(early)), "early");

  OneShot<std::string> late(loop);
  const auto timer = loop.after_ms(1, [set = late.setter()] { set("late"); });
  EXPECT_EQ(loop.run_until(value_of(late)), "late");
}

TEST(OneShot, FirstValueWins) {
  TestLoop loop;
  OneShot<std::string> shot(loop);
  shot.setter()("first");
  shot.setter()("second");
  EXPECT_EQ(loop.run_until(value_of(shot)), "first");
}

TEST(OneShot, SetterOutlivesIt) {
  TestLoop loop;
  auto shot = std::make_unique<OneShot<std::string>>(loop);
  const auto set = shot->setter();
  shot.reset();
  set("nobody waits");
  loop.run_once(0);
}

Task<void> note(OneShot<Unit>& shot, bool& resumed) {
  co_await shot;
  resumed = true;
}

TEST(OneShot, ResumesByAPostNeverInsideTheSetter) {
  TestLoop loop;
  OneShot<Unit> shot(loop);
  TaskGroup group(loop);
  bool resumed = false;
  group.spawn(note(shot, resumed));
  shot.setter()(Unit{});
  EXPECT_FALSE(resumed);
  loop.run_until(group.join());
  EXPECT_TRUE(resumed);
}

TEST(Sleep, EndsEarlyWhenStopped) {
  TestLoop loop;
  EXPECT_TRUE(loop.run_until(sleep_ms(loop, 1)));

  std::stop_source stop;
  const auto timer = loop.after_ms(1, [&] { stop.request_stop(); });
  EXPECT_FALSE(loop.run_until(sleep_ms(loop, 3'600'000, stop.get_token())));
  EXPECT_FALSE(loop.run_until(sleep_ms(loop, 3'600'000, stop.get_token()))) << "stopped before it began";
}

TEST(Blocking, ComesBackToTheLoopWithValueOrException) {
  TestLoop loop;
  const auto pool = make_blocking_pool(2);
  const auto here = std::this_thread::get_id();
  const auto there = loop.run_until(blocking(loop, *pool, [] { return std::this_thread::get_id(); }));
  EXPECT_NE(there, here);

  auto broken = []() -> int { throw std::runtime_error("disk"); };
  EXPECT_THROW(loop.run_until(blocking(loop, *pool, broken)), std::runtime_error);
}

TEST(BlockingPool, FinishesWhatWasSubmitted) {
  std::atomic<int> done = 0;
  {
    const auto pool = make_blocking_pool(3);
    for (int i = 0; i < 200; ++i) pool->submit([&done] { ++done; });
  }
  EXPECT_EQ(done, 200);
}

Task<void> until_stopped(Loop& loop, std::stop_token stop, int& ended) {
  (void)co_await sleep_ms(loop, 3'600'000, stop);
  ++ended;
}
Task<void> fails_in_background() {
  throw std::runtime_error("expected by a test");
  co_return;
}

TEST(TaskGroup, StopsAndJoinsItsTasks) {
  TestLoop loop;
  TaskGroup group(loop);
  int ended = 0;
  for (int i = 0; i < 3; ++i) group.spawn(until_stopped(loop, group.token(), ended));
  group.spawn(fails_in_background());
  EXPECT_EQ(group.running(), 3U);
  group.stop();
  loop.run_until(group.join());
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(group.running(), 0U);
  loop.run_until(group.join());
}

Task<int> after(Loop& loop, std::int64_t delay_ms, int value) {
  (void)co_await sleep_ms(loop, delay_ms);
  co_return value;
}

TEST(WhenAll, KeepsTheOrderWhateverFinishesFirst) {
  TestLoop loop;
  std::vector<Task<int>> tasks;
  tasks.push_back(after(loop, 20, 1));
  tasks.push_back(after(loop, 1, 2));
  tasks.push_back(answer());
  EXPECT_EQ(loop.run_until(when_all(loop, std::move(tasks))), (std::vector{1, 2, 42}));
  EXPECT_EQ(loop.run_until(when_all(loop, std::vector<Task<int>>{})), std::vector<int>{});
}

TEST(WhenAll, WaitsForAllBeforeItRethrows) {
  TestLoop loop;
  std::vector<Task<int>> tasks;
  tasks.push_back(throws());
  tasks.push_back(after(loop, 5, 2));
  EXPECT_THROW(loop.run_until(when_all(loop, std::move(tasks))), std::runtime_error);
}

}  // namespace
}  // namespace quarterdeck
