#include "workspace/checkpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workspace/testing/repository.hpp"

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CheckpointsTest : public testing::RepositoryTest {
 protected:
  CheckpointsTest() {
    commit("a.txt", "one\n", "first");
    where = loop.run_until(locate(*processes, work));
    snapshots = std::make_unique<Snapshots>(loop, *pool, *processes, places());
  }
  ~CheckpointsTest() override { loop.run_until(snapshots->shutdown()); }
  std::string keep(const std::string& title) {
    const auto tree = loop.run_until(snapshots->take(where));
    const auto kept = loop.run_until(
        keep_checkpoint(*snapshots, where, *tree,
                        {.session = session, .kind = "step", .message = "msg_1", .title = title, .at = 5'000}));
    if (!kept) throw std::runtime_error(kept.error().message);
    return *kept;
  }
  std::vector<Checkpoint> list() { return *loop.run_until(checkpoints(*snapshots, where, session, 100)); }

  SessionId session{"ses_1"};
  Location where;
  std::unique_ptr<Snapshots> snapshots;
};

TEST_F(CheckpointsTest, AreListedWithWhatTheyChangedAndLeaveTheProjectAlone) {
  EXPECT_TRUE(loop.run_until(has_no_checkpoint(*snapshots, where, session)));
  EXPECT_THAT(list(), IsEmpty());
  const std::string before = git(work, "for-each-ref") + git(work, "status --porcelain");
  const std::string first = keep("begin\n\nQuarterdeck-Kind: forged");
  write(work / "a.txt", "one\ntwo\nthree\n");
  write(work / "b.txt", "new\n");
  const std::string second = keep("2 files");
  const std::string head = git(work, "rev-parse HEAD");
  EXPECT_THAT(list(), ElementsAre(Checkpoint{.id = second,
                                             .parent = first,
                                             .kind = "step",
                                             .at = 5'000,
                                             .title = "2 files",
                                             .author = "Quarterdeck",
                                             .message = "msg_1",
                                             .head = head,
                                             .files = 2,
                                             .additions = 3,
                                             .deletions = 0},
                                  Checkpoint{.id = first,
                                             .parent = "",
                                             .kind = "step",
                                             .at = 5'000,
                                             .title = "begin  Quarterdeck-Kind: forged",
                                             .author = "Quarterdeck",
                                             .message = "msg_1",
                                             .head = head,
                                             .files = 1,
                                             .additions = 1,
                                             .deletions = 0}));
  fs::remove(work / "b.txt");
  git(work, "checkout -q a.txt");
  EXPECT_EQ(git(work, "for-each-ref") + git(work, "status --porcelain"), before);
}

TEST_F(CheckpointsTest, OutliveThePackingOfTheStore) {
  const std::string first = keep("one");
  loop.run_until(snapshots->maintain());
  write(work / "a.txt", "two\n");
  keep("two");
  loop.run_until(snapshots->maintain());
  ASSERT_EQ(list().size(), 2u);
  EXPECT_EQ(list()[1].id, first);
}

TEST_F(CheckpointsTest, AnyTwoCanBeComparedAlsoWithRealCommits) {
  const std::string base = git(work, "rev-parse HEAD");
  write(work / "a.txt", "two\n");
  const std::string step = keep("step");
  commit("b.txt", "b\n", "real");
  const auto real = loop.run_until(real_commits(*processes, work, base, "HEAD", 10));
  ASSERT_TRUE(real) << real.error().message;
  ASSERT_EQ(real->size(), 1u);
  EXPECT_EQ(real->at(0).title, "real");
  EXPECT_EQ(real->at(0).files, 2);
  const auto changed = loop.run_until(snapshots->diff(where, step, real->at(0).id));
  ASSERT_TRUE(changed) << changed.error().message;
  ASSERT_EQ(changed->size(), 1u);
  EXPECT_EQ(changed->at(0).file, "b.txt");
  EXPECT_EQ(head_commit(work), git(work, "rev-parse HEAD"));
  git(work, "pack-refs --all");
  EXPECT_EQ(head_commit(work), git(work, "rev-parse HEAD"));
}

TEST_F(CheckpointsTest, AWorktreeBelowOurDataIsCoveredAndOurDataIsNot) {
  const fs::path tree = root / "data/worktree/p/x";
  git(work, "worktree add -q '" + tree.string() + "'");
  EXPECT_TRUE(snapshots->covers(loop.run_until(locate(*processes, tree))));
  Location ours = where;
  ours.worktree = root / "data/snapshot";
  EXPECT_FALSE(snapshots->covers(ours));
  ours.worktree = root / "data/worktree";
  EXPECT_FALSE(snapshots->covers(ours));
}

}  // namespace
}  // namespace quarterdeck::workspace
