#include "tools/diff/line_diff.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

namespace quarterdeck::tools::diff {
namespace {

std::string hunks(std::string_view before, std::string_view after) {
  const std::string text = make_patch("/a", before, after).text;
  const auto at = text.find("@@");
  return at == text.npos ? "" : text.substr(at);
}

TEST(LineDiff, EqualTextsHaveOnlyAHeader) {
  const auto patch = make_patch("/p/a.txt", "x\n", "x\n");
  EXPECT_EQ(patch.text, "Index: /p/a.txt\n" + std::string(67, '=') + "\n--- /p/a.txt\n+++ /p/a.txt\n");
  EXPECT_EQ(patch.additions + patch.deletions, 0);
}

TEST(LineDiff, CountsAreAlwaysTold) { EXPECT_EQ(hunks("one\n", "two\n"), "@@ -1,1 +1,1 @@\n-one\n+two\n"); }

TEST(LineDiff, ANewFileStartsAtZero) {
  EXPECT_EQ(hunks("", "a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b\n");
  EXPECT_EQ(hunks("a\n", ""), "@@ -1,1 +0,0 @@\n-a\n");
}

TEST(LineDiff, MarksAMissingFinalLineFeed) {
  EXPECT_EQ(hunks("one\ntwo", "one\nTWO\n"), "@@ -1,2 +1,2 @@\n one\n-two\n\\ No newline at end of file\n+TWO\n");
}

TEST(LineDiff, CarriageReturnsCount) { EXPECT_EQ(hunks("a\r\n", "a\n"), "@@ -1,1 +1,1 @@\n-a\r\n+a\n"); }

TEST(LineDiff, ChangesFarApartGetTheirOwnHunks) {
  std::string before, after;
  for (int i = 1; i <= 30; ++i) {
    before += "line " + std::to_string(i) + "\n";
    after += i == 2 || i == 20 ? "X\n" : "line " + std::to_string(i) + "\n";
  }
  const std::string text = hunks(before, after);
  EXPECT_NE(text.find("@@ -1,6 +1,6 @@\n"), text.npos);
  EXPECT_NE(text.find("@@ -16,9 +16,9 @@\n"), text.npos);
}

TEST(LineDiff, SharedIndentationIsCutAway) {
  EXPECT_EQ(trim_common_indent("@@ -1,2 +1,2 @@\n     a\n-    b\n+      c\n \n"), "@@ -1,2 +1,2 @@\n a\n-b\n+  c\n \n");
  EXPECT_EQ(trim_common_indent("@@ -1,1 +1,1 @@\n-a\n+  b\n"), "@@ -1,1 +1,1 @@\n-a\n+  b\n");
}

TEST(LineDiff, AThoroughRewriteStaysBounded) {
  std::string before, after;
  for (int i = 0; i < 20'000; ++i) {
    before += "old " + std::to_string(i) + "\n";
    after += "new " + std::to_string(i) + "\n";
  }
  const auto patch = make_patch("/a", before, after);
  EXPECT_EQ(patch.additions, 20'000);
  EXPECT_EQ(patch.deletions, 20'000);
}

// Patches of random changes are applied by patch(1): the result must be the new text.
TEST(LineDiff, PatchAppliesWhatItShows) {
  const auto folder = std::filesystem::temp_directory_path() / ("line_diff." + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    std::string before, after;
    for (int i = 0; i < 60; ++i) {
      const std::string line = std::string(1, static_cast<char>('a' + random() % 6)) + "\n";
      before += line;
      const auto dice = random() % 10;
      if (dice == 0) continue;
      after += dice == 1 ? "z\n" : line;
      if (dice == 2) after += "n\n";
    }
    if (round % 3 == 0) after += "no line feed";
    std::ofstream(folder / "f") << before;
    std::ofstream(folder / "p") << make_patch("f", before, after).text;
    const std::string command = "cd '" + folder.string() + "' && git apply --unidiff-zero -p0 p 2>&1 || patch -s f p";
    ASSERT_EQ(std::system(command.c_str()), 0);
    std::ifstream result(folder / "f");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(result), {}), after);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace quarterdeck::tools::diff
