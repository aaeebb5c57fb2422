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

}  // namespace
}  // namespace quarterdeck::tools
