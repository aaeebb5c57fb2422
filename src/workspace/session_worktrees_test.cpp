// Worktrees of sessions over a real git.
#include "workspace/session_worktrees.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workspace/testing/repository.hpp"
#include "workspace/worktrees.hpp"

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SessionWorktreesTest : public testing::RepositoryTest {
 protected:
  SessionWorktreesTest() { commit("a.txt", "one\n", "first"); }

  SessionWorktrees open(SessionWorktrees::Reached reached = {}) {
    return SessionWorktrees(loop, *pool, *processes, places(), clock, std::move(reached));
  }
  WorktreeWish wish(std::string session, std::string branch = "", std::string title = "") const {
    return {.session = {std::move(session)},
            .project = work,
            .title = std::move(title),
            .branch = std::move(branch),
            .base = ""};
  }
  Result<SessionWorktree> make(WorktreeWish wish, WorktreeSettings settings = {}) {
    auto trees = open();
    return loop.run_until(trees.make(std::move(wish), std::move(settings)));
  }
};

TEST_F(SessionWorktreesTest, ASessionGetsADirectoryAndTheBranchThatWasAskedFor) {
  const auto made = make(wish("ses_1", "feature/ENG-12-login"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->branch, "feature/ENG-12-login");
  EXPECT_EQ(git(made->directory, "rev-parse --abbrev-ref HEAD"), "feature/ENG-12-login");
  EXPECT_EQ(text(fs::path(made->directory) / "a.txt"), "one\n");
  EXPECT_EQ(git(work, "status --porcelain"), "");
  EXPECT_EQ(git(work, "rev-parse --abbrev-ref HEAD"), "main");
}

TEST_F(SessionWorktreesTest, WithoutABranchItIsNamedAfterTheTitle) {
  EXPECT_EQ(make(wish("ses_1", "", "Fix the login!"))->branch, "quarterdeck/fix-the-login");
  EXPECT_EQ(make(wish("ses_2", "", "…"))->branch, "quarterdeck/session");
}

TEST_F(SessionWorktreesTest, AskedTwiceForOneSessionThereIsOneWorktree) {
  const auto first = make(wish("ses_1", "x"));
  const auto second = make(wish("ses_1", "other"));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(git(work, "worktree list").find("other"), std::string::npos);
}

TEST_F(SessionWorktreesTest, ANameThatIsTakenGetsANumber) {
  git(work, "branch x");
  git(work, "branch deep/er");
  EXPECT_EQ(make(wish("ses_1", "x"))->branch, "x-2");
  EXPECT_EQ(make(wish("ses_2", "x"))->branch, "x-3");
  EXPECT_EQ(make(wish("ses_3", "deep"))->branch, "deep-2");
  EXPECT_EQ(git(work, "rev-parse x"), git(work, "rev-parse main"));
}

TEST_F(SessionWorktreesTest, NamesAreMadeHarmless) {
  EXPECT_EQ(branch_slug("Fix the login!"), "Fix-the-login");
  EXPECT_EQ(branch_slug("--upload-pack=/bin/sh"), "upload-pack/bin/sh");
  EXPECT_EQ(branch_slug("../../etc/passwd"), "etc/passwd");
  EXPECT_EQ(branch_slug("a..b/.c.lock/d.lock"), "a.b/c/d");
  EXPECT_EQ(branch_slug("x@{1}~^:?*[\\"), "x-1");
  EXPECT_EQ(branch_slug("HEAD"), "");
  EXPECT_EQ(branch_slug("…"), "");
  EXPECT_LE(branch_slug(std::string(1000, 'x')).size(), 120u);
}

TEST_F(SessionWorktreesTest, WhatCannotBeIsRefusedAndLeavesNothing) {
  auto bad_base = wish("ses_1", "x");
  bad_base.base = "--help";
  EXPECT_EQ(make(bad_base).error().path, "[\"worktree\"][\"base\"]");
  EXPECT_EQ(make(wish("ses_1", "…")).error().path, "[\"worktree\"][\"branch\"]");
  auto nowhere = wish("ses_1", "x");
  nowhere.project = root;
  EXPECT_EQ(make(nowhere).error().code, ErrorCode::invalid);
  EXPECT_THAT(all_records(places()), IsEmpty());
  EXPECT_EQ(git(work, "branch --list x"), "");
}

TEST_F(SessionWorktreesTest, SetUpRunsWithTheSessionsOwnPortsAndAFailureIsTold) {
  const WorktreeSettings settings{
      .setup = {"echo $QUARTERDECK_SESSION $PORT > env.txt", "echo broken; exit 3", "touch not"}};
  const auto first = make(wish("ses_1", "x"), settings);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(text(fs::path(first->directory) / "env.txt"), fmt::format("ses_1 {}\n", first->port_first));
  EXPECT_THAT(first->setup_problem.value_or(""), HasSubstr("exit 3\nbroken"));
  EXPECT_FALSE(fs::exists(fs::path(first->directory) / "not"));
  const auto second = make(wish("ses_2", "y"), settings);
  EXPECT_EQ(second->port_first, first->port_first + first->port_count);
  EXPECT_EQ(worktree_environment_at(second->directory).at("PORT"), std::to_string(second->port_first));
}

TEST_F(SessionWorktreesTest, SettingsAreTakenFromTrustedProjectsOnly) {
  constexpr std::string_view ours =
      R"({"worktree":{"setup":["make"],"ports":{"first":3000,"count":2},"branch_prefix":"bot/"}})";
  EXPECT_THAT(worktree_settings(ours, true).setup, ::testing::ElementsAre("make"));
  EXPECT_THAT(worktree_settings(ours, false).setup, IsEmpty());
  EXPECT_EQ(worktree_settings(ours, false).port_first, 3000);
  EXPECT_EQ(worktree_settings(ours, false).branch_prefix, "bot/");
  EXPECT_EQ(worktree_settings(R"({"worktree":{"ports":{"first":1},"branch_prefix":"-x","setup":"make"}})", true),
            WorktreeSettings{});
}

TEST_F(SessionWorktreesTest, HooksOfTheRepositoryDoNotRun) {
  write(work / ".git/hooks/post-checkout", "#!/bin/sh\ntouch \"" + (root / "ran").string() + "\"\n", fs::perms(0755));
  ASSERT_TRUE(make(wish("ses_1", "x")));
  EXPECT_FALSE(fs::exists(root / "ran"));
}

TEST_F(SessionWorktreesTest, AnEndAfterAnyStepLeavesAUsableOneOrNothing) {
  for (const std::string_view last : {"planned", "recorded", "branched", "checked out", "set up", "ready"}) {
    const std::string branch = "crash-" + worktree_name(last);
    {
      auto trees = open([&](std::string_view step) {
        if (step == last) throw std::runtime_error("the end");
      });
      EXPECT_THROW(loop.run_until(trees.make(wish("ses_" + branch, branch), {})), std::runtime_error);
    }
    auto trees = open();
    loop.run_until(trees.recover());
    const auto found = loop.run_until(trees.of({"ses_" + branch}));
    if (last == "ready") {
      ASSERT_TRUE(found);
      EXPECT_EQ(found->state, WorktreeState::ready);
      EXPECT_EQ(git(found->directory, "status --porcelain"), "");
    } else {
      EXPECT_FALSE(found) << last;
      EXPECT_EQ(git(work, "branch --list " + branch), "") << last;
      EXPECT_EQ(git(work, "worktree list --porcelain").find(branch), std::string::npos) << last;
      EXPECT_FALSE(fs::exists(root / "data/worktree" / project_id() / branch)) << last;
    }
    const auto again = loop.run_until(trees.make(wish("ses_" + branch, branch), {}));
    ASSERT_TRUE(again) << last << ": " << again.error().message;
    EXPECT_EQ(again->branch, branch);
  }
}

TEST_F(SessionWorktreesTest, ACheckoutThatWasCutOffIsTakenBack) {
  auto trees = open([&](std::string_view step) {
    if (step == "recorded") throw std::runtime_error("the end");
  });
  EXPECT_THROW(loop.run_until(trees.make(wish("ses_c", "cut"), {})), std::runtime_error);
  const auto record = all_records(places()).at(0);
  // As git leaves it when it is killed: its own files are there, "initializing", and a part of the checkout.
  git(work, "update-ref --create-reflog -m 'quarterdeck: ses_c' refs/heads/cut HEAD");
  git(work, "worktree add -q --no-checkout --lock --reason initializing " + record.directory + " cut");
  write(fs::path(record.directory) / "half", "x");
  auto after = open();
  EXPECT_EQ(loop.run_until(after.recover()), 1);
  EXPECT_FALSE(fs::exists(record.directory));
  EXPECT_EQ(git(work, "branch --list cut"), "");
  EXPECT_EQ(git(work, "worktree list --porcelain").find("cut"), std::string::npos);
}

TEST_F(SessionWorktreesTest, ABranchThatSomebodyElseMadeMeanwhileStays) {
  auto trees = open([&](std::string_view step) {
    if (step == "recorded") git(work, "branch theirs");
  });
  EXPECT_FALSE(loop.run_until(trees.make(wish("ses_c", "theirs"), {})));
  EXPECT_EQ(git(work, "rev-parse theirs"), git(work, "rev-parse main"));
  EXPECT_THAT(all_records(places()), IsEmpty());
}

TEST_F(SessionWorktreesTest, ABranchThatHasCommitsIsNotTakenBack) {
  auto trees = open([&](std::string_view step) {
    if (step == "set up") throw std::runtime_error("the end");
  });
  const WorktreeSettings settings{
      .setup = {"echo x > made && git add made && git -c user.name=t -c user.email=t@e commit -qm made"}};
  EXPECT_THROW(loop.run_until(trees.make(wish("ses_c", "kept"), settings)), std::runtime_error);
  auto after = open();
  loop.run_until(after.recover());
  EXPECT_EQ(git(work, "log -1 --format=%s kept"), "made");
}

}  // namespace
}  // namespace quarterdeck::workspace
