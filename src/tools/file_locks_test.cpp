#include "tools/file_locks.hpp"

#include <gtest/gtest.h>

#include "base/testing/test_loop.hpp"

namespace quarterdeck::tools {
namespace {

struct Waiting {
  std::optional<FileLocks::Guard> guard;
};

Task<void> take(std::shared_ptr<FileLocks> locks, Loop& loop, std::string path, std::stop_token stop,
                Waiting& waiting) {
  waiting.guard = co_await locks->lock(loop, std::move(path), stop);
}

class FileLocksTest : public ::testing::Test {
 protected:
  void start(Waiting& waiting, const std::string& path, std::stop_token stop = {}) {
    group_.spawn(take(locks_, loop_, path, stop, waiting));
  }
  void settle() { loop_.run_until(group_.join()); }

  quarterdeck::testing::TestLoop loop_;
  TaskGroup group_{loop_};
  std::shared_ptr<FileLocks> locks_ = std::make_shared<FileLocks>();
};

TEST_F(FileLocksTest, OneHolderAtATimeInTheOrderOfAsking) {
  Waiting first, second, third, other;
  start(first, "/a");
  start(second, "/a");
  start(third, "/a");
  start(other, "/b");
  EXPECT_TRUE(first.guard->held());
  EXPECT_TRUE(other.guard->held()) << "another file does not wait";
  EXPECT_FALSE(second.guard);
  first.guard.reset();
  loop_.run_while([&] { return !second.guard; });
  EXPECT_FALSE(third.guard);
  second.guard.reset();
  settle();
  EXPECT_TRUE(third.guard->held());
}

TEST_F(FileLocksTest, AStoppedWaiterLeavesTheQueue) {
  std::stop_source stop;
  Waiting first, second, third;
  start(first, "/a");
  start(second, "/a", stop.get_token());
  start(third, "/a");
  stop.request_stop();
  loop_.run_while([&] { return !second.guard; });
  EXPECT_FALSE(second.guard->held());
  first.guard.reset();
  settle();
  EXPECT_TRUE(third.guard->held());
}

}  // namespace
}  // namespace quarterdeck::tools
