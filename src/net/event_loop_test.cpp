#include "net/event_loop.hpp"

#include <unistd.h>
#include <csignal>

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/async.hpp"
#include "base/unique_fd.hpp"
#include "net/testing/live_loop.hpp"

namespace quarterdeck::net {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    reader = UniqueFd(ends[0]);
    writer = UniqueFd(ends[1]);
  }
  UniqueFd reader, writer;
};

TEST(EventLoop, RunsPostsOfOneThreadInOrder) {
  const auto loop = make_event_loop();
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) loop->post([&order, i] { order.push_back(i); });
  loop->post([&] { loop->post([&] { loop->stop(); }); });
  loop->run();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST(EventLoop, TakesPostsFromOtherThreads) {
  testing::LiveLoop live;
  constexpr int kThreads = 4, kPosts = 5'000;
  int arrived = 0;  // only the loop's thread writes
  std::promise<void> all;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kPosts; ++i) {
        live.loop().post([&] {
          if (++arrived == kThreads * kPosts) all.set_value();
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(all.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST(EventLoop, CallsTimersInTheOrderOfTheirTime) {
  const auto loop = make_event_loop();
  std::vector<int> order;
  const auto late = loop->after_ms(20, [&] {
    order.push_back(2);
    loop->stop();
  });
  const auto soon = loop->after_ms(5, [&] { order.push_back(1); });
  const auto now = loop->after_ms(-3, [&] { order.push_back(0); });
  EXPECT_TRUE(order.empty());
  loop->run();
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

TEST(EventLoop, NeverCallsATimerWhoseHandleDiedEvenWhenItWasDue) {
  const auto loop = make_event_loop();
  int called = 0;
  std::unique_ptr<Loop::Handle> first, second;
  // Both are due at once; whichever runs first disarms the other one.
  first = loop->after_ms(1, [&] {
    ++called;
    second.reset();
  });
  second = loop->after_ms(1, [&] {
    ++called;
    first.reset();
  });
  ::usleep(5'000);
  const auto end = loop->after_ms(10, [&] { loop->stop(); });
  loop->run();
  EXPECT_EQ(called, 1);
}

TEST(EventLoop, ATimerMayDropItsOwnHandle) {
  const auto loop = make_event_loop();
  std::unique_ptr<Loop::Handle> timer;
  timer = loop->after_ms(0, [&, keep = std::string(100, 'x')] {
    timer.reset();
    EXPECT_EQ(keep.size(), 100u);
    loop->stop();
  });
  loop->run();
}

TEST(EventLoop, ReportsReadableAsLongAsThereIsSomethingToRead) {
  const auto loop = make_event_loop();
  Pipe pipe;
  ASSERT_EQ(::write(pipe.writer.get(), "abc", 3), 3);
  std::string read;
  const auto watch = loop->watch_readable(pipe.reader.get(), [&] {
    char byte;
    if (::read(pipe.reader.get(), &byte, 1) == 1) read += byte;
    if (read.size() == 3) pipe.writer.reset();
    if (read.size() == 3 && byte == 'c' && !pipe.writer.valid()) loop->stop();
  });
  loop->run();
  EXPECT_EQ(read, "abc");
}

TEST(EventLoop, ReportsAHangUp) {
  const auto loop = make_event_loop();
  Pipe pipe;
  const auto watch = loop->watch_readable(pipe.reader.get(), [&] { loop->stop(); });
  pipe.writer.reset();
  loop->run();
}

TEST(EventLoop, LeavesTheWatchedDescriptorToItsOwner) {
  const auto loop = make_event_loop();
  Pipe pipe;
  auto watch = loop->watch_readable(pipe.reader.get(), [] { FAIL() << "the handle died"; });
  auto again = loop->watch_readable(pipe.reader.get(), [] { FAIL() << "the handle died"; });
  ASSERT_EQ(::write(pipe.writer.get(), "x", 1), 1);
  watch.reset();
  again.reset();
  const auto end = loop->after_ms(5, [&] { loop->stop(); });
  loop->run();
  char byte = 0;
  EXPECT_EQ(::read(pipe.reader.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(EventLoop, DoesNotTakeTheEndOfOneDescriptorForThatOfANewOne) {
  const auto loop = make_event_loop();
  // Both end in the same round. The first to be heard drops the other, and watches a pipe where nothing happens.
  Pipe one, other, quiet;
  one.writer.reset();
  other.writer.reset();
  std::unique_ptr<Loop::Handle> watches[2];
  std::unique_ptr<Loop::Handle> next;
  const auto replace = [&] {
    if (next) return;
    for (auto& watch : watches) watch.reset();
    next = loop->watch_readable(quiet.reader.get(), [] { ADD_FAILURE() << "there is nothing to read"; });
  };
  watches[0] = loop->watch_readable(one.reader.get(), replace);
  watches[1] = loop->watch_readable(other.reader.get(), replace);
  const auto end = loop->after_ms(20, [&] { loop->stop(); });
  loop->run();
  EXPECT_TRUE(next);
}

TEST(EventLoop, ReportsEachTerminationSignal) {
  const auto loop = make_event_loop();
  std::vector<int> signals;
  const auto handle = loop->on_terminate([&](int signal) {
    signals.push_back(signal);
    if (signals.size() == 1) ::raise(SIGINT);
    if (signals.size() == 2) loop->stop();
  });
  loop->post([] { ::raise(SIGTERM); });
  loop->run();
  EXPECT_EQ(signals, (std::vector{SIGTERM, SIGINT}));
}

TEST(EventLoop, CountsAStopBeforeTheRun) {
  const auto loop = make_event_loop();
  loop->stop();
  loop->run();
}

}  // namespace
}  // namespace quarterdeck::net
