#include "tools/search/search.hpp"

#include "tools/testing/fixture.hpp"

namespace quarterdeck::tools {
namespace {

// Everything is tried with ripgrep and with our own walk: the answers must be the same.
class Search : public testing::ToolTest, public ::testing::WithParamInterface<const char*> {
 protected:
  process::Processes& processes() override {
    if (GetParam() == std::string_view("walk")) return no_processes_;
    if (!processes_) processes_ = process::make_processes(loop_, std::move(*process::Spawner::start()));
    return *processes_;
  }
  std::unique_ptr<process::Processes> processes_;

  void SetUp() override {
    write("a.ts", "one\nneedle a\n");
    write("b.ts", "needle b\nneedle bb\n");
    write("d.js", "needle d\n");
    write("sub/c.ts", "x\ny\nneedle c\n");
  }
};

TEST_P(Search, GlobFindsNamesAtAnyDepth) {
  EXPECT_EQ(output("glob", R"({"pattern":"*.ts"})"), "$DIR/a.ts\n$DIR/b.ts\n$DIR/sub/c.ts");
  EXPECT_EQ(output("glob", R"({"pattern":"**/*.{ts,js}","path":"sub"})"), "$DIR/sub/c.ts");
  EXPECT_EQ(output("glob", R"({"pattern":"sub/*.ts"})"), "$DIR/sub/c.ts");
  EXPECT_EQ(output("glob", R"({"pattern":"[ab].ts"})"), "$DIR/a.ts\n$DIR/b.ts");
  EXPECT_EQ(output("glob", R"({"pattern":"!*.ts"})"), "$DIR/d.js");
  EXPECT_EQ(output("glob", R"({"pattern":"["})"), "No files found");
  const auto result = call("glob", R"({"pattern":"?.js"})");
  EXPECT_EQ(result->title, "");
  EXPECT_EQ(result->metadata.text, R"({"count":1,"truncated":false})");
}

TEST_P(Search, HiddenAndIgnoredFilesAreFoundLinksAndGitAreNot) {
  write(".gitignore", "ign/\n");
  write("ign/i.x", "");
  write(".hid/h.x", "");
  write(".git/g.x", "");
  std::filesystem::create_directory_symlink("ign", dir_ / "link");
  EXPECT_EQ(output("glob", R"({"pattern":"*.x"})"), "$DIR/.hid/h.x\n$DIR/ign/i.x");
}

TEST_P(Search, GlobStopsAtOneHundred) {
  for (int i = 0; i < 150; ++i) write(fmt::format("many/f{:03}.x", i), "");
  const auto result = call("glob", R"({"pattern":"*.x"})");
  EXPECT_TRUE(shown(result->output)
                  .ends_with("$DIR/many/f099.x\n\n(Results are truncated: showing first 100 results. Consider using a "
                             "more specific path or pattern.)"));
  EXPECT_EQ(result->metadata.text, R"({"count":100,"truncated":true})");
}

TEST_P(Search, GlobWantsADirectory) {
  EXPECT_EQ(output("glob", R"({"pattern":"*","path":"nosuch"})"), "ERROR ripgrep execution failed");
  EXPECT_EQ(output("glob", R"({"pattern":"*","path":"a.ts"})"), "ERROR glob path must be a directory: $DIR/a.ts");
}

TEST_P(Search, GrepShowsLinesByFile) {
  EXPECT_EQ(
      output("grep", R"({"pattern":"needle"})"),
      "Found 5 matches\n$DIR/a.ts:\n  Line 2: needle a\n\n\n$DIR/b.ts:\n  Line 1: needle b\n\n  Line 2: needle bb\n\n\n"
      "$DIR/d.js:\n  Line 1: needle d\n\n\n$DIR/sub/c.ts:\n  Line 3: needle c\n");
  EXPECT_EQ(output("grep", R"({"pattern":"^needle\\s+[cd]$","include":"*.js"})"),
            "Found 1 matches\n$DIR/d.js:\n  Line 1: needle d\n");
  EXPECT_EQ(output("grep", R"({"pattern":"needle","path":"b.ts"})"),
            "Found 2 matches\n$DIR/b.ts:\n  Line 1: needle b\n\n  Line 2: needle bb\n");
  EXPECT_EQ(output("grep", R"({"pattern":"zzz"})"), "No files found");
}

TEST_P(Search, GrepToleratesEveryKindOfFile) {
  write("z.bin", std::string_view("needle\0needle\n", 14));
  write("z.latin", "caf\xE9 thorn");
  write("z.crlf", "thorn\r\n");
  EXPECT_EQ(output("grep", R"({"pattern":"thorn"})"),
            "Found 2 matches\n$DIR/z.crlf:\n  Line 1: thorn\r\n\n\n$DIR/z.latin:\n  Line 1: caf\xEF\xBF\xBD thorn");
}

TEST_P(Search, GrepStopsAtOneHundredAndShortensLines) {
  std::string text(3000, 'n');
  for (int i = 0; i < 200; ++i) text += "\nn";
  write("many.x", text);
  const auto result = call("grep", R"({"pattern":"n","path":"many.x"})");
  EXPECT_TRUE(result->output.contains("Line 1: " + std::string(2000, 'n') + "...\n"));
  EXPECT_TRUE(result->output.ends_with(
      "  Line 100: n\n\n\n(Results truncated. Consider using a more specific path or pattern.)"));
  EXPECT_EQ(result->metadata.text, R"({"matches":100,"truncated":true})");
}

TEST_P(Search, MistakesAreTold) {
  EXPECT_TRUE(output("grep", R"({"pattern":"("})").starts_with("ERROR regex parse error:\n    (\n"));
  EXPECT_EQ(output("grep", R"({"pattern":""})"), "ERROR pattern is required");
  EXPECT_EQ(output("grep", R"({"pattern":"a","path":"nosuch"})"), "ERROR No such file or directory: $DIR/nosuch");
  EXPECT_EQ(output("grep", R"({"pattern":"--flag"})"), "No files found");
}

INSTANTIATE_TEST_SUITE_P(By, Search, ::testing::Values("ripgrep", "walk"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace quarterdeck::tools
