// Snapshots over a real git and a real worktree.
#include "workspace/snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/testing/test_loop.hpp"

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() {
    std::string pattern = (fs::temp_directory_path() / "qd-snapshot-XXXXXX").string();
    root = fs::canonical(::mkdtemp(pattern.data()));
    work = root / "project";
    fs::create_directories(work);
    fs::create_directories(root / "home");
    auto spawner = process::Spawner::start();
    if (!spawner) throw std::runtime_error(spawner.error().message);
    processes = process::make_processes(loop, std::move(*spawner));
    pool = make_blocking_pool(2);
  }
  ~SnapshotTest() override {
    if (snapshots) loop.run_until(snapshots->shutdown());
    pool.reset();
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }

  Places places() const {
    return {.home = root / "home", .data = root / "data", .config = root / "c", .opencode_config = root / "o"};
  }
  void open(SnapshotLimits limits = {}) {
    snapshots = std::make_unique<Snapshots>(loop, *pool, *processes, places(), limits);
  }
  void write(const std::string& name, std::string_view bytes, fs::perms mode = fs::perms(0644)) {
    fs::create_directories((work / name).parent_path());
    std::ofstream(work / name, std::ios::binary) << bytes;
    fs::permissions(work / name, mode);
  }
  std::string text(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(work / name, std::ios::binary).rdbuf();
    return out.str();
  }
  bool exists(const std::string& name) const { return fs::exists(fs::symlink_status(work / name)); }
  void sh(const std::string& command) const {
    const std::string line =
        "cd '" + work.string() + "' && export HOME='" + (root / "home").string() +
        "' GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@e GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@e "
        "&& { " +
        command + "; } >/dev/null 2>&1";
    ASSERT_EQ(std::system(line.c_str()), 0) << command;
  }
  // A repository with one commit of everything that is there.
  void commit_all() {
    sh("git init -q -b main && git add -A && git -c user.name=t -c user.email=t@e commit -q --allow-empty -m first");
    where = loop.run_until(locate(*processes, work));
    ASSERT_EQ(where.worktree, work);
    if (!snapshots) open();
  }
  TreeId take() {
    auto tree = loop.run_until(snapshots->take(where));
    if (!tree) throw std::runtime_error(tree.error().message);
    return *tree;
  }
  // Undoes `steps`, newest first; returns what it left alone.
  std::vector<std::string> undo(std::vector<StepTrees> steps) {
    auto plan = loop.run_until(snapshots->plan_undo(where, std::move(steps), take()));
    if (!plan) throw std::runtime_error(plan.error().message);
    done = *plan;
    return apply(*plan);
  }
  std::vector<std::string> redo() {
    auto plan = loop.run_until(snapshots->plan_redo(where, done, take()));
    if (!plan) throw std::runtime_error(plan.error().message);
    return apply(*plan);
  }
  std::vector<std::string> apply(UndoPlan plan) {
    auto left = loop.run_until(snapshots->apply(where, std::move(plan)));
    if (!left) throw std::runtime_error(left.error().message);
    return *left;
  }
  fs::path store() const {
    for (const auto& project : fs::directory_iterator(root / "data/snapshot")) {
      for (const auto& each : fs::directory_iterator(project)) return each.path();
    }
    return {};
  }

  quarterdeck::testing::TestLoop loop;
  std::unique_ptr<BlockingPool> pool;
  std::unique_ptr<process::Processes> processes;
  std::unique_ptr<Snapshots> snapshots;
  fs::path root, work;
  Location where;
  UndoPlan done;
};

TEST_F(SnapshotTest, AnUndoRestoresEveryKindOfFileByteForByteAndARedoBringsItBack) {
  write("crlf.txt", "a\r\nb\r\n");
  write("binary", "\0\1\2\xff"s);
  write("mode.sh", "#!/bin/sh\n", fs::perms(0755));
  write("private", "secret\n", fs::perms(0600));
  write("gone.txt", "was here\n");
  write("no newline", "end");
  write("empty", "");
  write("ü ä/😀 \"quoted\"\n.txt", "name\n");
  fs::create_symlink("crlf.txt", work / "link");
  write("dir/file", "x\n");
  commit_all();
  const TreeId before = take();
  write("crlf.txt", "a\nb\n");
  write("binary", "\0\0"s);
  fs::permissions(work / "mode.sh", fs::perms(0644));
  write("private", "changed\n", fs::perms(0600));
  fs::remove(work / "gone.txt");
  write("no newline", "end\n");
  write("empty", "not\n");
  write("ü ä/😀 \"quoted\"\n.txt", "other\n");
  fs::remove(work / "link");
  fs::create_symlink("binary", work / "link");
  fs::remove_all(work / "dir");
  write("dir", "a file now\n");
  write("new/deep/file", "new\n");
  const TreeId after = take();

  EXPECT_THAT(undo({{before, after}}), IsEmpty());
  EXPECT_EQ(text("crlf.txt"), "a\r\nb\r\n");
  EXPECT_EQ(text("binary"), "\0\1\2\xff"s);
  EXPECT_EQ(fs::status(work / "mode.sh").permissions(), fs::perms(0755));
  EXPECT_EQ(text("private"), "secret\n");
  EXPECT_EQ(fs::status(work / "private").permissions(), fs::perms(0600));
  EXPECT_EQ(text("gone.txt"), "was here\n");
  EXPECT_EQ(text("no newline"), "end");
  EXPECT_EQ(text("empty"), "");
  EXPECT_EQ(text("ü ä/😀 \"quoted\"\n.txt"), "name\n");
  EXPECT_EQ(fs::read_symlink(work / "link"), "crlf.txt");
  EXPECT_EQ(text("dir/file"), "x\n");
  EXPECT_FALSE(exists("new/deep/file"));
  EXPECT_EQ(take(), before);

  EXPECT_THAT(redo(), IsEmpty());
  EXPECT_EQ(text("dir"), "a file now\n");
  EXPECT_EQ(take(), after);
}

TEST_F(SnapshotTest, WhatAttributesAndConversionsWouldChangeStaysAsItIs) {
  write(".gitattributes", "*.txt text eol=crlf\n*.lf text eol=lf\n*.lfs filter=broken\n*.id ident\n");
  write("a.txt", "one\r\ntwo\r\n");
  write("b.txt", "one\ntwo\n");
  write("c.id", "$Id$\n");
  sh("git init -q -b main && git config filter.broken.clean 'tr a-z A-Z' && git config core.autocrlf true");
  write("d.lfs", "lower\n");
  commit_all();
  const TreeId before = take();
  for (const char* file : {"a.txt", "b.txt", "c.id", "d.lfs"}) write(file, "changed\n");
  const TreeId after = take();
  EXPECT_THAT(undo({{before, after}}), IsEmpty());
  EXPECT_EQ(text("a.txt"), "one\r\ntwo\r\n");
  EXPECT_EQ(text("b.txt"), "one\ntwo\n");
  EXPECT_EQ(text("c.id"), "$Id$\n");
  EXPECT_EQ(text("d.lfs"), "lower\n");
}

TEST_F(SnapshotTest, WhatAPersonChangedSinceIsNeverLost) {
  write("lines", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  write("same", "old\n");
  write("whole", "old\n");
  commit_all();
  const TreeId before = take();
  write("lines", "1 agent\n2\n3\n4\n5\n6\n7\n8\n9\n");
  write("same", "agent\n");
  write("new", "agent\n");
  write("whole", "agent\n");
  const TreeId after = take();
  write("lines", "1 agent\n2\n3\n4\n5\n6\n7\n8\n9 person\n");
  write("same", "agent and person\n");
  write("new", "agent\nperson\n");
  write("theirs", "person\n");
  EXPECT_THAT(undo({{before, after}}), ElementsAre("new", "same"));
  EXPECT_EQ(text("lines"), "1\n2\n3\n4\n5\n6\n7\n8\n9 person\n");  // the agent's line only
  EXPECT_EQ(text("same"), "agent and person\n");
  EXPECT_EQ(text("new"), "agent\nperson\n");
  EXPECT_EQ(text("whole"), "old\n");
  EXPECT_EQ(text("theirs"), "person\n");
  write("whole", "person\n");
  EXPECT_THAT(redo(), ElementsAre("whole"));
  EXPECT_EQ(text("whole"), "person\n");
  EXPECT_EQ(text("lines"), "1 agent\n2\n3\n4\n5\n6\n7\n8\n9 person\n");
}

TEST_F(SnapshotTest, WhatAPersonChangedBetweenTwoStepsStays) {
  write("f", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  commit_all();
  const TreeId first = take();
  write("f", "1 agent\n2\n3\n4\n5\n6\n7\n8\n9\n");
  const TreeId second = take();
  write("f", "1 agent\n2\n3\n4\n5 person\n6\n7\n8\n9\n");
  const TreeId third = take();
  write("f", "1 agent\n2\n3\n4\n5 person\n6\n7\n8\n9 agent\n");
  const TreeId fourth = take();
  EXPECT_THAT(undo({{third, fourth}, {first, second}}), IsEmpty());
  EXPECT_EQ(text("f"), "1\n2\n3\n4\n5 person\n6\n7\n8\n9\n");
}

TEST_F(SnapshotTest, GoingOnAfterACrashInTheMiddleComesToTheSame) {
  for (const char* file : {"a", "b", "c"}) write(file, "old\n");
  commit_all();
  const TreeId before = take();
  for (const char* file : {"a", "b", "c"}) write(file, "new\n");
  const TreeId after = take();
  const auto plan = loop.run_until(snapshots->plan_undo(where, {{before, after}}, after));
  ASSERT_TRUE(plan);
  write("b", "old\n");  // done already
  open();               // another server
  EXPECT_THAT(apply(*plan), IsEmpty());
  EXPECT_EQ(take(), before);
  EXPECT_THAT(apply(*plan), IsEmpty());
  EXPECT_EQ(take(), before);
}

TEST_F(SnapshotTest, LeavesOutWhatIsIgnoredTooLargeOrARepositoryOfItsOwn) {
  write(".gitignore", "ignored/\n");
  commit_all();
  open({.new_file_bytes_max = 1000});
  fs::create_directories(work / ".git/info");
  std::ofstream(work / ".git/info/exclude") << "excluded\n";
  const TreeId before = take();
  write("ignored/x", "x");
  write("excluded", "x");
  write("large", std::string(1001, 'x'));
  write("small", std::string(1000, 'x'));
  fs::create_directories(work / "nested");
  sh("cd nested && git init -q && git commit -q --allow-empty -m x && echo x > y && mkfifo ../pipe");
  const TreeId after = take();
  EXPECT_THAT(*loop.run_until(snapshots->changed_files(where, before, after)), ElementsAre("small"));
  EXPECT_THAT(undo({{before, after}}), IsEmpty());
  EXPECT_FALSE(exists("small"));
  EXPECT_TRUE(exists("large") && exists("ignored/x") && exists("nested/y") && exists("pipe"));
}

TEST_F(SnapshotTest, DoesNotTouchTheProjectsRepository) {
  write("a", "1\n");
  commit_all();
  write("staged", "x\n");
  sh("git add staged");
  const auto state = [&] {
    std::string all;
    for (const auto& entry : fs::recursive_directory_iterator(work / ".git")) {
      if (!entry.is_regular_file()) continue;
      std::ostringstream out;
      out << entry.path() << entry.last_write_time().time_since_epoch().count()
          << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      all += out.str();
    }
    return all;
  };
  const std::string was = state();
  const TreeId before = take();
  write("a", "2\n");
  undo({{before, take()}});
  EXPECT_EQ(state(), was);
}

TEST_F(SnapshotTest, AChangeInTheSameTickAndOfTheSameSizeIsSeen) {
  write("a", "1\n");
  commit_all();
  for (int i = 0; i < 20; ++i) {
    write("a", std::to_string(i % 10) + "\n");
    const TreeId before = take();
    write("a", "x\n");
    EXPECT_NE(take(), before) << i;
  }
}

TEST_F(SnapshotTest, SurvivesAStaleLockAnUnmergedIndexAndADamagedOne) {
  write("a", "1\n");
  commit_all();
  sh("git checkout -q -b other && echo 2 > a && git commit -qam 2 && git checkout -q main && echo 3 > a && "
     "git commit -qam 3; git merge other || true");
  const TreeId before = take();
  std::ofstream(store() / "index") << "damaged";
  open();
  std::ofstream(store() / "index.lock") << "";
  EXPECT_EQ(take(), before);
}

TEST_F(SnapshotTest, CoversNoHomeDirectoryNothingAboveOneAndNotItsOwnData) {
  open();
  Location at;
  at.project.vcs = "git";
  for (const fs::path& worktree : {root, root / "home", fs::path("/"), root / "data/snapshot/x"}) {
    at.worktree = worktree;
    EXPECT_FALSE(snapshots->covers(at)) << worktree;
  }
  at.worktree = work;
  EXPECT_TRUE(snapshots->covers(at));
  at.project.vcs.reset();
  EXPECT_FALSE(snapshots->covers(at));
}

TEST_F(SnapshotTest, OurDataInTheWorktreeIsNoPartOfIt) {
  commit_all();
  Places inside = places();
  inside.data = work / "state [1]";
  snapshots = std::make_unique<Snapshots>(loop, *pool, *processes, inside);
  const TreeId before = take();
  std::ofstream(work / "state [1]/quarterdeck.db") << "x";
  EXPECT_EQ(take(), before);
}

TEST_F(SnapshotTest, ALinkedWorktreeHasAStoreOfItsOwn) {
  write("a", "1\n");
  commit_all();
  sh("git worktree add -q ../linked");
  const Location main = where;
  where = loop.run_until(locate(*processes, root / "linked"));
  ASSERT_EQ(where.worktree, root / "linked");
  const TreeId before = take();
  std::ofstream(root / "linked/a") << "2\n";
  const TreeId after = take();
  EXPECT_THAT(undo({{before, after}}), IsEmpty());
  EXPECT_EQ(*read_file(root / "linked/a"), "1\n");
  where = main;
  EXPECT_EQ(take(), before);
}

TEST_F(SnapshotTest, NeverWritesThroughALink) {
  write("dir/f", "old\n");
  commit_all();
  const TreeId before = take();
  write("dir/f", "new\n");
  const TreeId after = take();
  fs::rename(work / "dir", root / "outside");
  fs::create_directory_symlink(root / "outside", work / "dir");
  const auto plan = loop.run_until(snapshots->plan_undo(where, {{before, after}}, after));
  EXPECT_THAT(apply(*plan), ElementsAre("dir/f"));
  EXPECT_EQ(*read_file(root / "outside/f"), "new\n");
}

TEST_F(SnapshotTest, AnUndoOfWhatIsNoLongerThereTouchesNothing) {
  write("a", "1\n");
  write("b", "unique to the project\n");
  commit_all();
  const TreeId before = take();
  write("a", "2\n");
  fs::remove(work / "b");
  const TreeId after = take();
  sh("chmod -R u+w .git/objects && rm -rf .git/objects/?? .git/objects/pack/*");
  const auto plan = loop.run_until(snapshots->plan_undo(where, {{before, after}}, after));
  if (plan) {
    const auto left = loop.run_until(snapshots->apply(where, *plan));
    EXPECT_FALSE(left.has_value());
  }
  EXPECT_EQ(text("a"), "2\n");
  EXPECT_FALSE(exists("b"));
}

TEST_F(SnapshotTest, DiffsAreInTheFormThatClientsRead) {
  write("a.txt", "one\ntwo\n");
  write("b.bin", "\0\1"s);
  commit_all();
  const TreeId before = take();
  write("a.txt", "one\ntwo\nx\n");
  fs::remove(work / "b.bin");
  write("sub/ü.txt", "hi");
  const auto diff = loop.run_until(snapshots->diff(where, before, take()));
  ASSERT_TRUE(diff);
  ASSERT_EQ(diff->size(), 3u);
  const std::string line(67, '=');
  EXPECT_EQ((*diff)[0].patch,
            "Index: a.txt\n" + line + "\n--- a.txt\t\n+++ a.txt\t\n@@ -1,2 +1,3 @@\n one\n two\n+x\n");
  EXPECT_EQ((*diff)[0].additions, 1);
  EXPECT_EQ((*diff)[1].status, "deleted");
  EXPECT_EQ((*diff)[1].patch, "");
  EXPECT_EQ((*diff)[2].file, "sub/ü.txt");
  EXPECT_EQ((*diff)[2].patch, "Index: sub/ü.txt\n" + line +
                                  "\n--- sub/ü.txt\t\n+++ sub/ü.txt\t\n@@ -0,0 +1,1 @@\n+hi\n\\ No newline at end of "
                                  "file\n");
}

TEST_F(SnapshotTest, PackingKeepsEverySnapshotAndTheQuotaRemovesWholeStores) {
  write("a", "1\n");
  commit_all();
  const TreeId before = take();
  write("a", "2\n");
  const TreeId after = take();
  loop.run_until(snapshots->maintain());
  EXPECT_THAT(undo({{before, after}}), IsEmpty());
  EXPECT_EQ(text("a"), "1\n");
  open({.quota_bytes = 1});
  take();
  loop.run_until(snapshots->maintain());
  EXPECT_TRUE(store().empty());
  take();  // begins anew
  EXPECT_FALSE(store().empty());
}

TEST_F(SnapshotTest, TwoAtATimeWaitForEachOther) {
  write("a", "1\n");
  commit_all();
  std::vector<Task<Result<TreeId>>> both;
  for (int i = 0; i < 5; ++i) both.push_back(snapshots->take(where));
  const auto trees = loop.run_until(when_all(loop, std::move(both)));
  for (const auto& tree : trees) EXPECT_EQ(*tree, *trees.front());
}

}  // namespace
}  // namespace quarterdeck::workspace
