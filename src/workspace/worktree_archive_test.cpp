// Cleaning up worktrees over a real git: named cases, then random states. QUARTERDECK_WORKTREE_STATES says how many of
// those (12), QUARTERDECK_SEED where they begin (1).
#include "workspace/worktree_archive.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <set>

#include "workspace/git_run.hpp"
#include "workspace/session_worktrees.hpp"
#include "workspace/testing/repository.hpp"

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Eq;
using ::testing::IsEmpty;

using Files = std::map<std::string, std::string>;  // path -> mode and bytes

class WorktreeArchiveTest : public testing::RepositoryTest {
 protected:
  WorktreeArchiveTest() {
    write(work / ".gitignore", "ignored/\n*.log\n");
    commit("a.txt", "one\n", "first");
    commit("dir/b.txt", "two\n", "second");
    git(root, "init -q --bare origin.git");
    git(work, "remote add origin '" + (root / "origin.git").string() + "'");
    git(work, "push -q origin main");
    git(work, "remote set-head origin main");
    tree = make("ses_1", "work");
    at = tree.directory;
  }
  ~WorktreeArchiveTest() override { end_process(); }

  SessionWorktree make(std::string session, std::string branch) {
    SessionWorktrees trees(loop, *pool, *processes, places(), clock);
    WorktreeWish wish{
        .session = {std::move(session)}, .project = work, .title = "", .branch = std::move(branch), .base = ""};
    auto made = loop.run_until(trees.make(std::move(wish), {}));
    if (!made) throw std::runtime_error(made.error().message);
    return *made;
  }
  WorktreeArchive open(WorktreeArchive::Reached reached = {}) {
    return WorktreeArchive(loop, *pool, *processes, places(), clock, std::move(reached));
  }
  Result<SessionWorktree> archive() {
    auto work_on = open();
    return loop.run_until(work_on.archive({"ses_1"}, "test"));
  }
  Result<SessionWorktree> undo() {
    auto work_on = open();
    return loop.run_until(work_on.undo({"ses_1"}));
  }
  std::vector<std::string> codes() {
    auto work_on = open();
    std::vector<std::string> out;
    for (const auto& reason : loop.run_until(work_on.examine(tree)).reasons) out.push_back(reason.code);
    return out;
  }
  void commit_here(const std::string& file, std::string_view bytes, const std::string& message) const {
    write(at / file, bytes);
    git(at, "add -A");
    git(at, "commit -q -m '" + message + "'");
  }
  void start_process() {
    process = ::fork();
    if (process == 0) {
      if (::chdir(at.c_str()) == 0) ::pause();
      ::_exit(0);
    }
    for (std::error_code error; fs::read_symlink(fmt::format("/proc/{}/cwd", process), error) != at;) ::usleep(1000);
  }
  void end_process() {
    if (process <= 0) return;
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
    process = 0;
  }
  static Files files_below(const fs::path& directory) {
    Files files;
    for (auto entry = fs::recursive_directory_iterator(directory); entry != fs::recursive_directory_iterator();
         ++entry) {
      const std::string name = entry->path().lexically_relative(directory);
      if (name == ".git") {
        if (entry->is_directory()) entry.disable_recursion_pending();
        continue;
      }
      const auto status = entry->symlink_status();
      if (fs::is_symlink(status)) {
        files[name] = "link " + fs::read_symlink(entry->path()).string();
      } else if (fs::is_regular_file(status)) {
        files[name] = fmt::format("{:o} ", static_cast<unsigned>(status.permissions())) + text(entry->path());
      }
    }
    return files;
  }
  SessionWorktree now() const { return *record_at(tree.directory); }

  SessionWorktree tree;
  fs::path at;
  pid_t process = 0;
};

TEST_F(WorktreeArchiveTest, AMergedOneGoesAndComesBackAsItWas) {
  commit_here("new.txt", "x\n", "work");
  write(at / "ignored/cache", "slow to make\n");
  git(work, "merge -q work");
  const Files files = files_below(at);
  const std::string head = git(at, "rev-parse HEAD");
  const auto gone = archive();
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_FALSE(fs::exists(at));
  EXPECT_EQ(git(work, "branch --list work"), "");
  EXPECT_EQ(git(work, "worktree list --porcelain").find("work\n", 30), std::string::npos);
  ASSERT_TRUE(archive()) << "a second time comes to the same";
  const auto back = undo();
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->state, WorktreeState::ready);
  EXPECT_EQ(files_below(at), files);
  EXPECT_EQ(git(at, "rev-parse HEAD"), head);
  EXPECT_EQ(git(at, "rev-parse --abbrev-ref HEAD"), "work");
  EXPECT_EQ(git(at, "status --porcelain"), "");
}

TEST_F(WorktreeArchiveTest, AfterItsFilesWerePurgedItIsCheckedOutAnew) {
  commit_here("new.txt", "x\n", "work");
  git(at, "push -q origin work");
  ASSERT_TRUE(archive());
  auto work_on = open();
  ASSERT_TRUE(loop.run_until(work_on.purge({"ses_1"})));
  EXPECT_FALSE(fs::exists(kept_files_of(tree)));
  ASSERT_TRUE(undo());
  EXPECT_EQ(text(at / "new.txt"), "x\n");
  EXPECT_EQ(git(at, "status --porcelain"), "");
}

TEST_F(WorktreeArchiveTest, EverythingThatCouldBeLostKeepsItWithTheReason) {
  EXPECT_THAT(codes(), IsEmpty());
  const auto only = [&](const std::string& code, const std::string& command, const std::string& back) {
    sh(at, command);
    EXPECT_THAT(codes(), Contains(code)) << command;
    const auto refused = archive();
    ASSERT_FALSE(refused) << command;
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_TRUE(fs::exists(at));
    sh(at, back);
    EXPECT_THAT(codes(), IsEmpty()) << back;
  };
  only("dirty", "echo more >> a.txt", "git checkout -q a.txt");
  only("dirty", "echo new > untracked", "rm untracked");
  only("dirty", "git config status.showUntrackedFiles no; echo new > untracked", "rm untracked");
  only("dirty", "git config core.fileMode false; chmod +x a.txt", "chmod -x a.txt");
  only("dirty", "rm a.txt", "git checkout -q a.txt");
  only("dirty", "echo x > n; git add n; rm n", "git reset -q");
  only("hidden_changes", "git update-index --assume-unchanged a.txt", "git update-index --no-assume-unchanged a.txt");
  only("hidden_changes", "git update-index --skip-worktree a.txt; echo z > a.txt",
       "git update-index --no-skip-worktree a.txt; git checkout -q a.txt");
  only("stash", "echo z > a.txt; git stash -q", "git stash drop -q");
  only("unpushed", "git commit -q --allow-empty -m x", "git push -q origin work");
  only("unpushed", "git checkout -q --detach; git commit -q --allow-empty -m y",
       "git branch keep; git checkout -q work");
  only("in_progress", "git bisect start -q", "git bisect reset");
  only("locked", "git worktree lock .", "git worktree unlock .");
  only("worktree_refs", "git update-ref refs/worktree/mine HEAD", "git update-ref -d refs/worktree/mine");
  only("nested_repository", "git init -q ignored/other", "rm -rf ignored");
  only("live_process", "touch \"$(git rev-parse --git-dir)/index.lock\"",
       "rm \"$(git rev-parse --git-dir)/index.lock\"");
  start_process();
  EXPECT_THAT(codes(), Contains("live_process"));
  end_process();
  EXPECT_THAT(codes(), IsEmpty());
}

TEST_F(WorktreeArchiveTest, AMergeWithConflictsKeepsIt) {
  commit_here("a.txt", "here\n", "here");
  commit("a.txt", "there\n", "there");
  git(work, "push -q origin main");
  git(at, "push -q origin work");
  EXPECT_THROW(git(at, "merge main"), std::runtime_error);
  EXPECT_THAT(codes(), Contains("in_progress"));
  EXPECT_FALSE(archive());
}

TEST_F(WorktreeArchiveTest, CommitsThatWereAmendedAwayOutliveItsReflog) {
  commit_here("new.txt", "first try\n", "try");
  const std::string abandoned = git(at, "rev-parse HEAD");
  git(at, "commit -q --amend -m better");
  git(at, "push -q origin work");
  ASSERT_TRUE(archive());
  git(work, "reflog expire --expire=now --all");
  git(work, "gc -q --prune=now");
  EXPECT_EQ(git(work, "cat-file -t " + abandoned), "commit");
  ASSERT_TRUE(now().bundle);
  git(work, "bundle verify -q " + *now().bundle);
}

TEST_F(WorktreeArchiveTest, WhatComesUpWhileItIsRemovedIsNotLost) {
  for (const std::string_view step : {"recorded", "pinned", "bundled", "moved"}) {
    auto work_on = open([&](std::string_view reached) {
      if (reached == step) write((fs::exists(at) ? at : kept_files_of(tree)) / "late", "x\n");
    });
    const auto refused = loop.run_until(work_on.archive({"ses_1"}, "test"));
    EXPECT_FALSE(refused) << step;
    EXPECT_EQ(text(at / "late"), "x\n");
    EXPECT_EQ(now().state, WorktreeState::ready);
    fs::remove(at / "late");
  }
  EXPECT_TRUE(archive());
}

TEST_F(WorktreeArchiveTest, ABranchThatWasMadeAnewMeanwhileIsNotTouched) {
  ASSERT_TRUE(archive());
  commit("c.txt", "x", "later");
  git(work, "branch work");
  const auto refused = undo();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(now().state, WorktreeState::archived);
  git(work, "branch -m work theirs");
  EXPECT_TRUE(undo());
}

TEST_F(WorktreeArchiveTest, AnUndoThatWasCutOffIsFinishedAtTheStart) {
  write(at / "ignored/cache", "x");
  const Files files = files_below(at);
  for (const std::string_view last : {"undoing", "branched", "known", "moved back", "ready"}) {
    ASSERT_TRUE(archive());
    auto work_on = open([&](std::string_view step) {
      if (step == last) throw std::runtime_error("the end");
    });
    EXPECT_THROW(loop.run_until(work_on.undo({"ses_1"})), std::runtime_error);
    auto after = open();
    loop.run_until(after.recover());
    EXPECT_EQ(now().state, WorktreeState::ready) << last;
    EXPECT_EQ(files_below(at), files) << last;
    EXPECT_EQ(git(at, "status --porcelain"), "") << last;
  }
}

// ---------------------------------------------------------------------------------------------- random states

// Each leaves the worktree in some state; those that make no sense where they are fail and change nothing.
constexpr const char* kChanges[] = {
    "echo $R >> a.txt",
    "echo $R > f$R.txt",
    "mkdir -p d$R/e && echo $R > d$R/e/f",
    "mkdir -p ignored/$R && echo $R > ignored/$R/f",
    "echo $R > x$R.log",
    "echo $R > s$R && git add s$R",
    "echo $R > s$R && git add s$R && rm s$R",
    "git add -A",
    "git add -A && git commit -qm c$R",
    "git add -A && git commit -qm c$R",
    "git add -A && git commit -qm c$R && git push -q origin HEAD",
    "git add -A && git commit -qm c$R && git push -q origin HEAD",
    "git push -q -f origin HEAD:refs/heads/work",
    "git push -q -f origin HEAD:refs/heads/work",
    "git commit -q --allow-empty -m e$R",
    "git add -A && git commit -q --amend -m a$R",
    "git reset -q --hard HEAD~1",
    "git reset -q --soft HEAD~1",
    "git stash -q",
    "git stash -q -u && git stash drop -q",
    "git checkout -q --detach",
    "git checkout -q --detach && git commit -q --allow-empty -m d$R && git checkout -q -",
    "git checkout -q -b other$R",
    "git checkout -q work",
    "git branch -q keep$R",
    "git tag t$R",
    "git checkout -q --orphan o$R",
    "git branch -q -D work",
    "git merge -q --no-edit main",
    "git rebase -q main",
    "git cherry-pick main",
    "git revert --no-commit HEAD",
    "git merge --abort || git rebase --abort || git cherry-pick --abort || git revert --abort",
    "git bisect start -q",
    "git bisect reset",
    "git update-index --assume-unchanged a.txt && echo $R > a.txt",
    "git update-index --skip-worktree dir/b.txt && echo $R > dir/b.txt",
    "git config core.fileMode false && chmod +x a.txt",
    "git config status.showUntrackedFiles no",
    "chmod +x a.txt",
    "rm -f a.txt",
    "rm -rf dir && ln -s /tmp dir",
    "rm -f a.txt && mkdir a.txt && echo $R > a.txt/inside",
    "git mv a.txt moved$R",
    "cp -p a.txt ../same && sed 's/[a-z]/z/g' ../same > a.txt; touch -r ../same a.txt",
    "git init -q nested$R && git -C nested$R commit -q --allow-empty -m n",
    "git init -q ignored/n$R && git -C ignored/n$R commit -q --allow-empty -m n",
    "git worktree lock .",
    "git worktree unlock .",
    "git update-ref refs/worktree/r$R HEAD",
    "git reflog expire --expire=now --all",
    "echo 'f*.txt' >> .gitignore",
    "git checkout -q -- . && git clean -qfd",
    "git checkout -q -f work && git clean -qfd",
    "git clean -qfdx",
    "git fetch -q origin --prune",
    "git push -q origin --delete work && git fetch -q --prune",
    "cd $MAIN && git merge -q --no-edit work",
    "cd $MAIN && git merge -q --no-edit work && git push -q origin main",
    "cd $MAIN && echo $R > a.txt && git commit -qam m$R",
};

class RandomWorktree {
 public:
  RandomWorktree(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  std::mt19937_64 random_;
};

std::int64_t number_from(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atoll(text) : otherwise;
}

class RandomWorktrees : public WorktreeArchiveTest, public ::testing::WithParamInterface<std::int64_t> {
 protected:
  // Of the repository and of all its worktrees, as far as anything leads to them.
  std::set<std::string> commits_of(const fs::path& directory) const {
    std::set<std::string> commits;
    for (auto& each : lines_of(git(directory, "rev-list --all --reflog"))) commits.insert(std::move(each));
    if (fs::exists(directory / ".git")) {
      try {
        for (auto& each : lines_of(git(directory, "rev-list HEAD"))) commits.insert(std::move(each));
      } catch (const std::exception&) {  // nothing is checked out
      }
    }
    return commits;
  }
  bool all_are_there(const std::set<std::string>& commits) const {
    write(root / "commits", [&] {
      std::string lines;
      for (const std::string& each : commits) lines += each + "\n";
      return lines;
    }());
    return !git(work, "cat-file --batch-check < ../commits").contains("missing");
  }
};

TEST_P(RandomWorktrees, LoseNoCommitAndNoFile) {
  RandomWorktree random(static_cast<std::uint64_t>(GetParam()));
  std::string story = fmt::format("seed {}:", GetParam());
  for (std::size_t left = random.below(9); left > 0; --left) {
    const std::string change = kChanges[random.below(std::size(kChanges))];
    try {
      sh(at, fmt::format("export R={} MAIN='{}'; {}", random.below(5), work.string(), change));
      story += "\n  " + change;
    } catch (const std::exception&) {
      story += "\n  (failed) " + change;
    }
  }
  if (random.below(12) == 0) {
    start_process();
    story += "\n  a process works in it";
  }
  SCOPED_TRACE(story);
  ASSERT_TRUE(fs::exists(at));

  const Files files = files_below(at);
  std::set<std::string> commits = commits_of(at);
  commits.merge(commits_of(work));
  const auto ask = [&](const std::string& question) {
    try {
      return git(at, question);
    } catch (const std::exception&) {
      return std::string("none");
    }
  };
  const std::string head = ask("rev-parse HEAD");
  const std::string attached = ask("symbolic-ref HEAD");
  const std::string dirty = ask("-c core.fileMode=true status --porcelain --untracked-files=all");

  // It may end at any step.
  const std::size_t last = random.below(12);
  std::size_t steps = 0;
  auto archiving = open([&](std::string_view step) {
    if (++steps == last) throw std::runtime_error(fmt::format("the end after \"{}\"", step));
  });
  Result<SessionWorktree> gone = fail(ErrorCode::internal, "cut off");
  try {
    gone = loop.run_until(archiving.archive({"ses_1"}, "test"));
  } catch (const std::runtime_error& error) {
    auto after = open();
    loop.run_until(after.recover());
  }
  const bool archived = now().state == WorktreeState::archived;
  RecordProperty("archived", archived ? "yes" : "no");  // --gtest_output=xml:… tells how many
  if (!archived) {
    EXPECT_EQ(now().state, WorktreeState::ready);
    EXPECT_EQ(files_below(at), files);
    EXPECT_EQ(ask("rev-parse HEAD"), head);
    EXPECT_EQ(ask("symbolic-ref HEAD"), attached);
    EXPECT_EQ(ask("-c core.fileMode=true status --porcelain --untracked-files=all"), dirty);
    EXPECT_TRUE(all_are_there(commits));
    return;
  }
  EXPECT_EQ(process, 0) << "a process worked in it";
  EXPECT_EQ(dirty, "");
  EXPECT_FALSE(fs::exists(at));
  EXPECT_EQ(files_below(kept_files_of(tree)), files);
  git(work, "reflog expire --expire=now --all");
  git(work, "gc -q --prune=now");
  EXPECT_TRUE(all_are_there(commits));

  const bool purged = random.below(3) == 0;
  auto undoing = open();
  if (purged) ASSERT_TRUE(loop.run_until(undoing.purge({"ses_1"})));
  const auto back = loop.run_until(undoing.undo({"ses_1"}));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(git(at, "rev-parse HEAD"), head);
  EXPECT_EQ(ask("symbolic-ref HEAD"), attached);
  EXPECT_EQ(ask("-c core.fileMode=true status --porcelain --untracked-files=all"), "");
  if (!purged) EXPECT_EQ(files_below(at), files);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomWorktrees, ::testing::ValuesIn([] {
                           const auto first = number_from("QUARTERDECK_SEED", 1);
                           std::vector<std::int64_t> seeds;
                           for (std::int64_t i = 0; i < number_from("QUARTERDECK_WORKTREE_STATES", 12); ++i)
                             seeds.push_back(first + i);
                           return seeds;
                         }()));

}  // namespace
}  // namespace quarterdeck::workspace
