#include "base/failpoint.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include <gtest/gtest.h>

namespace quarterdeck::failpoint {
namespace {

class Failpoints : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kCompiled) GTEST_SKIP() << "built without QD_FAILPOINTS";
  }
  void TearDown() override { (void)arm(""); }
};

TEST_F(Failpoints, DoNothingUntilArmed) {
  EXPECT_FALSE(fails("file.write"));
  reach("store.commit.before");
}

TEST_F(Failpoints, FailAtTheGivenTimeOnly) {
  ASSERT_TRUE(arm("file.write:2:error"));
  EXPECT_FALSE(fails("file.write"));
  EXPECT_TRUE(fails("file.write"));
  EXPECT_FALSE(fails("file.write"));
}

TEST_F(Failpoints, FailEveryTimeWithAStar) {
  ASSERT_TRUE(arm("file.write:*:error"));
  EXPECT_TRUE(fails("file.write"));
  EXPECT_TRUE(fails("file.write"));
}

TEST_F(Failpoints, KillTheProcessWhereItStands) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)arm("store.commit.after:1:kill,store.begin.before:1:delay=1");
    reach("store.begin.before");
    reach("store.commit.after");
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

TEST_F(Failpoints, RefuseWhatTheyDoNotUnderstand) {
  for (const auto* wrong : {"file.write", "file.write:1", "no.such:1:kill", "file.write:0:kill", "file.write:x:kill",
                            "file.write:1:explode", "file.write:1:delay=x", "store.commit.after:1:error"}) {
    EXPECT_FALSE(arm(wrong)) << wrong;
  }
}

TEST_F(Failpoints, AreManyAndEachHasItsOwnName) {
  std::set<std::string_view> names;
  for (const Point& point : kPoints) EXPECT_TRUE(names.insert(point.name).second) << point.name;
  EXPECT_GE(names.size(), 30u);
}

}  // namespace
}  // namespace quarterdeck::failpoint
