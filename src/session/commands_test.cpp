#include "session/commands.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarterdeck::session {
namespace {

using ::testing::ElementsAre;

TEST(Commands, FillArgumentsIntoTheirPlaces) {
  EXPECT_EQ(expand("a $1 b $2.", "x y"), "a x b y.");
  EXPECT_EQ(expand("$2 $1", "x y"), "y x");
  EXPECT_EQ(expand("say $ARGUMENTS!", "it \"all\""), "say it \"all\"!");
  EXPECT_EQ(expand("none", ""), "none");
  EXPECT_EQ(expand("none", " \n"), "none");
  EXPECT_EQ(expand("none", "but this"), "none\n\nbut this");
}

TEST(Commands, TheLastNumberTakesTheRest) {
  EXPECT_EQ(expand("$1|$2", "a b c d"), "a|b c d");
  EXPECT_EQ(expand("$1", "a b"), "a b");
  EXPECT_EQ(expand("$1|$3", "a b c d"), "a|c d");
  EXPECT_EQ(expand("$1|$2|$3", "a"), "a||");
}

TEST(Commands, QuotesKeepWordsTogether) {
  EXPECT_EQ(expand("[$1][$2][$3]", "\"a b\" 'c d' e"), "[a b][c d][e]");
  EXPECT_EQ(expand("[$1][$2]", "[Image 1] x"), "[[Image 1]][x]");
  EXPECT_EQ(expand("[$1][$2]", "\"open x"), "[open][x]");
}

TEST(Commands, WhatAnArgumentSaysIsNotAPlaceholder) {
  EXPECT_EQ(expand("$1 and $2", "$2 $ARGUMENTS"), "$2 and $ARGUMENTS");
  EXPECT_EQ(expand("$ARGUMENTS", "$1"), "$1");
  EXPECT_EQ(expand("$0 $ 5$", "x"), " $ 5$");
}

TEST(Commands, NameTheirPlaceholders) {
  EXPECT_THAT(hints_of("$2 $1 $2 $ARGUMENTS"), ElementsAre("$1", "$2", "$ARGUMENTS"));
  EXPECT_TRUE(hints_of("no $ here").empty());
}

TEST(Commands, FindTheirShell) {
  EXPECT_THAT(shell_places("a !`ls -l` b !`pwd`"), ElementsAre(ShellPlace{2, 8, "ls -l"}, ShellPlace{13, 6, "pwd"}));
  EXPECT_TRUE(shell_places("`ls` ! `ls` !``").empty());
  EXPECT_TRUE(shell_places("!`open").empty());
}

}  // namespace
}  // namespace quarterdeck::session
