#include "workspace/worktrees.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::workspace {
namespace {

TEST(Worktrees, AreNamedWithLettersDigitsAndDashes) {
  EXPECT_EQ(worktree_name("My Feature!"), "my-feature");
  EXPECT_EQ(worktree_name("  --fix: the/login  "), "fix-the-login");
  EXPECT_EQ(worktree_name("../../etc/passwd"), "etc-passwd");
  EXPECT_EQ(worktree_name("Ärger"), "rger");
  EXPECT_EQ(worktree_name("…"), "");
  EXPECT_LE(worktree_name(std::string(500, 'x')).size(), 64u);
}

}  // namespace
}  // namespace quarterdeck::workspace
