#include "tools/testing/fixture.hpp"

namespace quarterdeck::tools {
namespace {

using testing::ToolTest;
class Write : public ToolTest {};

TEST_F(Write, StoresTheContentAsGiven) {
  const auto result = call("write", R"({"content":"a\r\nb","filePath":"$DIR/x/../n/a.txt"})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->title, "n/a.txt");
  EXPECT_EQ(result->output, "Wrote file successfully.");
  EXPECT_EQ(shown(result->metadata.text),
            R"({"diagnostics":{},"filepath":"$DIR/x/../n/a.txt","exists":false,"truncated":false})");
  EXPECT_EQ(bytes("n/a.txt"), "a\r\nb");
}

TEST_F(Write, ReplacesAFileAndKeepsItsByteOrderMark) {
  write("a.txt", "\xEF\xBB\xBFold\n");
  const auto result = call("write", R"({"content":"new\n","filePath":"a.txt"})");
  EXPECT_TRUE(metadata(result).at("exists").as_bool());
  EXPECT_EQ(bytes("a.txt"), "\xEF\xBB\xBFnew\n");
  EXPECT_TRUE(host_.asks[0].metadata.text.contains(R"(-old\n+new\n)"));
}

TEST_F(Write, PlacesThatCannotHoldAFileAreTold) {
  write("f", "x");
  EXPECT_EQ(output("write", R"({"content":"x","filePath":"$DIR"})"), "ERROR BadResource: FileSystem.readFile ($DIR)");
  EXPECT_EQ(output("write", R"({"content":"x","filePath":"f/x"})"),
            "ERROR BadResource: FileSystem.writeFile ($DIR/f/x)");
}

TEST_F(Write, AsksBeforeItLeavesTheProject) {
  host_.denied = "external_directory";
  EXPECT_EQ(output("write", R"({"content":"x","filePath":"$OUT/n.txt"})"), "ERROR no");
  EXPECT_FALSE(std::filesystem::exists(out_ / "n.txt"));
}

TEST_F(Write, AStoppedCallDoesNotWaitForTheFile) {
  stop_.request_stop();
  const auto result = call("write", R"({"content":"x","filePath":"n.txt"})");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ToolFailure::Kind::cancelled);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "n.txt"));
}

TEST_F(Write, TellsErrorsOfThisFileAndOfFiveOthers) {
  servers_.on = true;
  servers_.add(dir_ / "0", 2, "only a warning");
  servers_.add(dir_ / "1", 1, "e");
  servers_.add(dir_ / "n.txt", 1, "mine");
  for (const char* other : {"2", "3", "4", "5", "6"}) servers_.add(dir_ / other, 1, "e");
  const auto result = call("write", R"({"content":"x","filePath":"n.txt"})");
  ASSERT_TRUE(result);
  const std::string text = shown(result->output);
  EXPECT_TRUE(text.starts_with(
      "Wrote file successfully.\n\nLSP errors detected in other files:\n<diagnostics file=\"$DIR/1\">\nERROR [2:3] "
      "e\n</diagnostics>\n\nLSP errors detected in this file, please fix:\n<diagnostics file=\"$DIR/n.txt\">\nERROR "
      "[2:3] mine\n</diagnostics>\n\nLSP errors detected in other files:\n"))
      << text;
  EXPECT_TRUE(text.contains("$DIR/5\"")) << text;
  EXPECT_FALSE(text.contains("$DIR/6\"")) << text;
  const wire::Json shown_metadata = metadata(result);
  EXPECT_EQ(wire::object_at(shown_metadata, "diagnostics")->size(), 8u);
  EXPECT_EQ(wire::object_at(shown_metadata, "diagnostics")->begin()->key(), (dir_ / "n.txt").string());
  EXPECT_EQ(servers_.told, std::vector<std::string>{(dir_ / "n.txt").string()});
}

}  // namespace
}  // namespace quarterdeck::tools
