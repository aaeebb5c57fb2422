#include "tools/testing/fixture.hpp"

namespace quarterdeck::tools {
namespace {

// With ripgrep and with our own walk.
class List : public testing::ToolTest, public ::testing::WithParamInterface<const char*> {
 protected:
  process::Processes& processes() override {
    if (GetParam() == std::string_view("walk")) return no_processes_;
    if (!processes_) processes_ = process::make_processes(loop_, std::move(*process::Spawner::start()));
    return *processes_;
  }
  std::unique_ptr<process::Processes> processes_;
};

// Our walk does not read .gitignore.
class ListWithRipgrep : public List {};

TEST_P(List, ShowsDirectoriesBeforeFilesInTheOrderOfNames) {
  write("b.txt", "");
  write("a.txt", "");
  write("z/deep/c.txt", "");
  write("z/a.txt", "");
  write(".hidden/h", "");
  const auto result = call("list", "{}");
  ASSERT_TRUE(result);
  EXPECT_EQ(shown(result->output),
            "$DIR/\n  .hidden/\n    h\n  z/\n    deep/\n      c.txt\n    a.txt\n  a.txt\n  b.txt\n");
  EXPECT_EQ(result->metadata.text, R"({"count":5,"truncated":false})");
  EXPECT_EQ(result->title, "");
}

TEST_P(List, LeavesOutWhatIsGeneratedOrUnwanted) {
  for (const char* name :
       {"node_modules/m/x.js", "src/build/o.o", ".git/config", "target/t", "__pycache__/p", ".venv/v"}) {
    write(name, "");
  }
  write("src/a.c", "");
  write("src/build.c", "");
  write("build.txt", "");
  write("docs/d.md", "");
  write("x.lock", "");
  EXPECT_EQ(output("list", R"({"ignore":["*.lock","docs/"]})"), "$DIR/\n  src/\n    a.c\n    build.c\n  build.txt\n");
}

TEST_P(ListWithRipgrep, LeavesOutWhatGitIgnores) {
  std::filesystem::create_directories(dir_ / ".git");
  write(".gitignore", "*.log\nout\n");
  write("a.log", "");
  write("out/o", "");
  write("sub/b.log", "");
  write("sub/b", "");
  EXPECT_EQ(output("list", R"({"path":"sub"})"), "$DIR/sub/\n  b\n");
  EXPECT_EQ(output("list", "{}"), "$DIR/\n  sub/\n    b\n  .gitignore\n");
}

TEST_P(List, OfManyFilesThoseNearestToTheTopAreShown) {
  for (int i = 0; i < 120; ++i) write(fmt::format("a/many/f{:03}", i), "");
  write("z/top.txt", "");
  const auto result = call("list", "{}");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->metadata.text, R"({"count":100,"truncated":true})");
  EXPECT_TRUE(result->output.contains("f098\n  z/\n    top.txt\n"));
  EXPECT_TRUE(result->output.contains("(Showing the 100 files nearest to the top of 121."));
}

TEST_P(List, AHundredFilesAreAll) {
  for (int i = 0; i < 100; ++i) write(fmt::format("f{:03}", i), "");
  EXPECT_EQ(call("list", "{}")->metadata.text, R"({"count":100,"truncated":false})");
}

TEST_P(List, AsksForThePathAndForWhatIsOutside) {
  write("sub/a", "");
  EXPECT_EQ(output("list", R"({"path":"sub"})"), "$DIR/sub/\n  a\n");
  ASSERT_EQ(host_.asks.size(), 1u);
  EXPECT_EQ(host_.asks[0].permission, "list");
  EXPECT_EQ(shown(host_.asks[0].patterns.at(0)), "$DIR/sub");
  EXPECT_EQ(output("list", R"({"path":"$OUT"})"), "$OUT/\n(no files)\n");
  ASSERT_EQ(host_.asks.size(), 3u);
  EXPECT_EQ(host_.asks[1].permission, "external_directory");
  EXPECT_EQ(shown(host_.asks[1].patterns.at(0)), "$OUT/*");
  host_.denied = "list";
  EXPECT_EQ(output("list", "{}"), "ERROR no");
}

TEST_P(List, MistakesAreTold) {
  write("a", "");
  EXPECT_EQ(output("list", R"({"path":"nosuch"})"), "ERROR Directory not found: $DIR/nosuch");
  EXPECT_EQ(output("list", R"({"path":"a/b"})"), "ERROR Directory not found: $DIR/a/b");
  EXPECT_EQ(output("list", R"({"path":"a"})"), "ERROR Not a directory: $DIR/a");
  EXPECT_TRUE(output("list", R"({"ignore":"x"})").contains("Expected array | undefined, got \"x\"\n  at [\"ignore\"]"));
}

INSTANTIATE_TEST_SUITE_P(By, List, ::testing::Values("ripgrep", "walk"),
                         [](const auto& info) { return std::string(info.param); });
INSTANTIATE_TEST_SUITE_P(By, ListWithRipgrep, ::testing::Values("ripgrep"));

}  // namespace
}  // namespace quarterdeck::tools
