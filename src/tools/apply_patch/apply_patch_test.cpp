#include "tools/apply_patch/patch_text.hpp"
#include "tools/testing/fixture.hpp"

namespace quarterdeck::tools {
namespace {

using testing::ToolTest;
class ApplyPatch : public ToolTest {
 protected:
  std::string patch(std::string_view body) {
    const auto text = fmt::format("*** Begin Patch\n{}\n*** End Patch", body);
    return output("apply_patch", fmt::format(R"({{"patchText":{}}})", wire::quoted(text)));
  }
};

TEST_F(ApplyPatch, ChangesSeveralFilesAtOnce) {
  for (const auto name : {"a.txt", "b.txt", "c.txt"}) write(name, "one\ntwo\n");
  EXPECT_EQ(patch("*** Update File: a.txt\n@@\n one\n-two\n+TWO\n*** Add File: s/n.txt\n+new\n*** Delete File: b.txt\n"
                  "*** Update File: c.txt\n*** Move to: d.txt\n@@\n-one\n+1"),
            "Success. Updated the following files:\nM a.txt\nA s/n.txt\nD b.txt\nM d.txt");
  EXPECT_EQ(bytes("a.txt"), "one\nTWO\n");
  EXPECT_EQ(bytes("s/n.txt"), "new\n");
  EXPECT_EQ(bytes("b.txt"), "<missing>");
  EXPECT_EQ(bytes("c.txt"), "<missing>");
  EXPECT_EQ(bytes("d.txt"), "1\ntwo\n");
  ASSERT_EQ(host_.asks.size(), 1u);
  EXPECT_EQ(host_.asks[0].patterns, (std::vector<std::string>{"a.txt", "s/n.txt", "b.txt", "c.txt"}));
}

TEST_F(ApplyPatch, AllFitsOrNothingIsWritten) {
  write("a.txt", "a\n");
  write("b.txt", "b\n");
  EXPECT_EQ(patch("*** Update File: a.txt\n@@\n-a\n+A\n*** Update File: b.txt\n@@\n-nope\n+B"),
            "ERROR apply_patch verification failed: Error: Failed to find expected lines in $DIR/b.txt:\nnope");
  EXPECT_EQ(bytes("a.txt"), "a\n");
  EXPECT_TRUE(host_.asks.empty());
}

TEST_F(ApplyPatch, TwoSectionsForOneFileBothCount) {
  write("a.txt", "one\ntwo\n");
  patch("*** Update File: a.txt\n@@\n-one\n+1\n*** Update File: a.txt\n@@\n-two\n+2");
  EXPECT_EQ(bytes("a.txt"), "1\n2\n");
}

TEST_F(ApplyPatch, MistakesAreTold) {
  EXPECT_EQ(output("apply_patch", R"({"patchText":""})"), "ERROR patchText is required");
  EXPECT_EQ(output("apply_patch", R"({"patchText":"hello"})"),
            "ERROR apply_patch verification failed: Error: Invalid patch format: missing Begin/End markers");
  EXPECT_EQ(output("apply_patch", R"({"patchText":"*** Begin Patch\n*** End Patch"})"),
            "ERROR patch rejected: empty patch");
  EXPECT_EQ(patch("*** Rename File: a.txt"), "ERROR apply_patch verification failed: no hunks found");
  EXPECT_EQ(patch("*** Update File: a.txt\n@@\n-a\n+b"),
            "ERROR apply_patch verification failed: Failed to read file to update: $DIR/a.txt");
  EXPECT_EQ(patch("*** Delete File: a.txt"),
            "ERROR apply_patch verification failed: NotFound: FileSystem.readFile ($DIR/a.txt)");
}

std::string applied(std::string_view text, const std::vector<Chunk>& chunks) {
  const auto result = apply_chunks(text, chunks, "a");
  return result ? *result : "ERROR " + result.error();
}

TEST(PatchText, TheAnchorMovesTheSearchForward) {
  EXPECT_EQ(applied("def a\n  x\ndef b\n  x\n", {{"def b", {"  x"}, {"  y"}}}), "def a\n  x\ndef b\n  y\n");
  EXPECT_EQ(applied("a\n", {{"nothere", {"a"}, {}}}), "ERROR Error: Failed to find context 'nothere' in a");
}

TEST(PatchText, RepeatedChunksGoDownTheFile) {
  EXPECT_EQ(applied("a\nb\na\nb\n", {{"", {"a", "b"}, {"a", "B"}}, {"", {"a", "b"}, {"a", "B"}}}), "a\nB\na\nB\n");
}

TEST(PatchText, ToleratesSpaceAndTypography) {
  EXPECT_EQ(applied("one  \n", {{"", {"one"}, {"1"}}}), "1\n");
  EXPECT_EQ(applied("    one\n", {{"", {"one"}, {"1"}}}), "1\n");
  EXPECT_EQ(applied("say “hi” – ok…\n", {{"", {"say \"hi\" - ok..."}, {"bye"}}}), "bye\n");
}

TEST(PatchText, AChunkWithoutOldLinesIsAppended) {
  EXPECT_EQ(applied("one", {{"", {}, {"two"}}}), "one\ntwo\n");
  EXPECT_EQ(applied("", {{"", {}, {"x"}}}), "x\n");
  EXPECT_EQ(applied("x\n", {{"", {"x"}, {}}}), "");
}

TEST(PatchText, AHeredocAroundItIsTakenOff) {
  const auto sections = parse_patch("cat <<'EOF'\n*** Begin Patch\n*** Add File: n\n+x\n*** End Patch\nEOF");
  ASSERT_TRUE(sections);
  EXPECT_EQ(*sections, (std::vector<Section>{{.kind = Section::Kind::add, .path = "n", .content = "x\n"}}));
}

TEST_F(ApplyPatch, FormatsEveryChangedFileOnceAndShowsTheResult) {
  write("a.txt", "one\ntwo\n");
  write("gone.txt", "x\n");
  formatters_.text = "formatted\n";
  const auto result = call(
      "apply_patch",
      fmt::format(
          R"({{"patchText":{}}})",
          wire::quoted("*** Begin Patch\n*** Update File: a.txt\n@@\n-one\n+1\n*** Update File: a.txt\n@@\n-two\n+2\n"
                       "*** Delete File: gone.txt\n*** Add File: n.txt\n+new\n*** End Patch")));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(formatters_.files, (std::vector<std::string>{(dir_ / "a.txt").string(), (dir_ / "n.txt").string()}));
  EXPECT_EQ(bytes("a.txt"), "formatted\n");
  const wire::Json shown = metadata(result);
  const auto& files = *wire::array_at(shown, "files");
  EXPECT_TRUE(wire::string_at(files.at(0), "patch").ends_with("-one\n+1\n two\n"));
  EXPECT_TRUE(wire::string_at(files.at(1), "patch").ends_with("-1\n-two\n+formatted\n"));
  EXPECT_TRUE(wire::string_at(files.at(3), "patch").ends_with("+formatted\n"));
}

TEST_F(ApplyPatch, TellsErrorsOfTheFilesThatItChanged) {
  write("old.txt", "one\n");
  write("gone.txt", "x\n");
  servers_.on = true;
  servers_.add(dir_ / "new.txt", 1, "wrong");
  servers_.add(dir_ / "other.txt", 1, "not mine");
  const auto result =
      call("apply_patch",
           fmt::format(R"({{"patchText":{}}})", wire::quoted("*** Begin Patch\n*** Update File: old.txt\n*** Move to: "
                                                             "new.txt\n@@\n-one\n+1\n*** Delete File: gone.txt\n"
                                                             "*** End Patch")));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(shown(result->output),
            "Success. Updated the following files:\nM new.txt\nD gone.txt\n\nLSP errors detected in new.txt, please "
            "fix:\n<diagnostics file=\"$DIR/new.txt\">\nERROR [2:3] wrong\n</diagnostics>");
  EXPECT_EQ(servers_.told, (std::vector<std::string>{(dir_ / "old.txt").string(), (dir_ / "new.txt").string(),
                                                     (dir_ / "gone.txt").string()}));
}

}  // namespace
}  // namespace quarterdeck::tools
