#include <sys/stat.h>

#include "tools/read/collate.hpp"
#include "tools/testing/fixture.hpp"

namespace quarterdeck::tools {
namespace {

using testing::ToolTest;
class Read : public ToolTest {
 protected:
  std::string content(const std::string& input = R"({"filePath":"a.txt"})") {
    std::string text = output("read", input);
    const auto begin = text.find("<content>\n"), end = text.rfind("\n</content>");
    return begin == text.npos ? text : text.substr(begin + 10, end - begin - 10);
  }
};

TEST_F(Read, NumbersTheLinesOfAFile) {
  write("a.txt", "one\ntwo\n");
  const auto result = call("read", R"({"filePath":"$DIR/a.txt"})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->title, "a.txt");
  EXPECT_EQ(shown(result->output),
            "<path>$DIR/a.txt</path>\n<type>file</type>\n<content>\n1: one\n2: two\n\n(End of file - total 2 "
            "lines)\n</content>");
  EXPECT_EQ(shown(result->metadata.text),
            R"({"preview":"one\ntwo","truncated":false,"loaded":[],"display":{"type":"file","path":"$DIR/a.txt",)"
            R"("text":"one\ntwo","lineStart":1,"lineEnd":2,"totalLines":2,"truncated":false}})");
}

TEST_F(Read, EmptyFilesAndLimitsOfZeroHaveNoLines) {
  write("a.txt", "");
  EXPECT_EQ(content(), "\n\n(End of file - total 0 lines)");
  EXPECT_EQ(content(R"({"filePath":"a.txt","offset":2})"), "ERROR Offset 2 is out of range for this file (0 lines)");
  write("a.txt", "1\n2\n3\n");
  EXPECT_EQ(content(R"({"filePath":"a.txt","limit":0})"), "\n\n(Showing lines 1-0 of 3. Use offset=1 to continue.)");
}

TEST_F(Read, EveryKindOfLineEndCounts) {
  write("a.txt", "\xEF\xBB\xBFone\r\ntwo\rthree\n\nä€😀");
  EXPECT_EQ(content(), "1: one\n2: two\n3: three\n4: \n5: ä€😀\n\n(End of file - total 5 lines)");
}

TEST_F(Read, BytesThatAreNotTextBecomeReplacementCharacters) {
  write("a.txt", "caf\xE9\nabc\n");
  EXPECT_EQ(content(), "1: caf\xEF\xBF\xBD\n2: abc\n\n(End of file - total 2 lines)");
}

TEST_F(Read, OffsetAndLimitCutAWindow) {
  write("a.txt", "1\n2\n3\n4\n5\n");
  EXPECT_EQ(content(R"({"filePath":"a.txt","offset":2,"limit":2})"),
            "2: 2\n3: 3\n\n(Showing lines 2-3 of 5. Use offset=4 to continue.)");
  EXPECT_EQ(content(R"({"filePath":"a.txt","offset":6})"), "ERROR Offset 6 is out of range for this file (5 lines)");
}

TEST_F(Read, StopsAtFiftyKilobytes) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += std::string(99, 'x') + "\n";
  write("a.txt", text);
  const auto result = call("read", R"({"filePath":"a.txt"})");
  EXPECT_TRUE(result->output.ends_with(
      "(Output capped at 50 KB. Showing lines 1-512. Use offset=513 to continue.)\n</content>"));
  const auto seen = metadata(result);
  EXPECT_EQ(seen.at("display").at("totalLines").as_int64(), 513);
  EXPECT_TRUE(seen.at("truncated").as_bool());
}

TEST_F(Read, ShortensLongLinesWithoutHalvingACharacter) {
  write("a.txt", std::string(1999, 'x') + "😀tail\n");
  EXPECT_EQ(content(),
            "1: " + std::string(1999, 'x') + "... (line truncated to 2000 chars)\n\n(End of file - total 1 lines)");
}

TEST_F(Read, AHugeFileIsReadInBoundedMemory) {
  write("a.txt", std::string(64 << 20, 'x') + "\nend\n");
  EXPECT_TRUE(content().ends_with("2: end\n\n(End of file - total 2 lines)"));
}

TEST_F(Read, MissingFilesComeWithSuggestions) {
  write("my-a.txt", "");
  write("other", "");
  EXPECT_EQ(content(), "ERROR File not found: $DIR/a.txt\n\nDid you mean one of these?\n$DIR/my-a.txt");
  EXPECT_EQ(content(R"({"filePath":"no/such"})"), "ERROR File not found: $DIR/no/such");
  EXPECT_EQ(content(R"({"filePath":"$DIR/other/b"})"), "ERROR BadResource: FileSystem.stat ($DIR/other/b)");
}

TEST_F(Read, BinaryFilesAreRefused) {
  write("a.txt", std::string_view("a\0b", 3));
  EXPECT_EQ(content(), "ERROR Cannot read binary file: $DIR/a.txt");
  write("a.zip", "text");
  EXPECT_EQ(content(R"({"filePath":"a.zip"})"), "ERROR Cannot read binary file: $DIR/a.zip");
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(content(R"({"filePath":"pipe"})"), "ERROR Cannot read binary file: $DIR/pipe");
}

TEST_F(Read, PicturesBecomeAttachments) {
  constexpr unsigned char kPng[] = {0x89, 'P',  'N',  'G',  13,   10,   26,   10,  0,   0,    0,    13,   'I',  'H',
                                    'D',  'R',  0,    0,    0,    1,    0,    0,   0,   1,    8,    6,    0,    0,
                                    0,    0x1F, 0x15, 0xC4, 0x89, 0,    0,    0,   13,  'I',  'D',  'A',  'T',  0x78,
                                    0xDA, 0x63, 0x64, 0x60, 0xF8, 0x5F, 0x0F, 0,   2,   0x87, 1,    0x80, 0xEB, 0x47,
                                    0xBA, 0x92, 0,    0,    0,    0,    'I',  'E', 'N', 'D',  0xAE, 0x42, 0x60, 0x82};
  write("picture.jpg", {reinterpret_cast<const char*>(kPng), sizeof kPng});
  const auto result = call("read", R"({"filePath":"picture.jpg"})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "Image read successfully");
  ASSERT_EQ(result->attachments.size(), 1u);
  EXPECT_EQ(result->attachments[0].mime, "image/png");
  EXPECT_EQ(result->attachments[0].url,
            "data:image/png;base64,"
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==");
  write("fake.png", "not a picture");
  const auto fake = call("read", R"({"filePath":"fake.png"})");
  EXPECT_EQ(fake->output,
            "Image read successfully\n\n[1 image omitted: could not be resized below the image size limit.]");
  EXPECT_TRUE(fake->attachments.empty());
}

TEST_F(Read, DirectoriesListTheirNames) {
  for (const auto name : {"d/.hidden", "d/a.txt", "d/b.txt", "d/Z", "d/sub/x", "d/ä"}) write(name, "");
  std::filesystem::create_directory_symlink("sub", dir_ / "d/link");
  EXPECT_EQ(output("read", R"({"filePath":"d"})"),
            "<path>$DIR/d</path>\n<type>directory</type>\n<entries>\n.hidden\nä\na.txt\nb.txt\nlink/\nsub/\nZ\n\n(7 "
            "entries)\n</entries>");
  EXPECT_EQ(output("read", R"({"filePath":"d","offset":2,"limit":2})"),
            "<path>$DIR/d</path>\n<type>directory</type>\n<entries>\nä\na.txt\n\n"
            "(Showing 2 of 7 entries. Use 'offset' parameter to read beyond entry 4)\n</entries>");
}

TEST_F(Read, RulesOfADirectoryComeOnceInASession) {
  write("sub/AGENTS.md", "Sub rules.\n");
  write("sub/a.txt", "x\n");
  write("AGENTS.md", "root\n");
  EXPECT_TRUE(output("read", R"({"filePath":"sub/a.txt"})")
                  .ends_with("</content>\n\n<system-reminder>\nInstructions from: $DIR/sub/AGENTS.md\nSub "
                             "rules.\n\n</system-reminder>"));
  EXPECT_TRUE(output("read", R"({"filePath":"sub/a.txt"})").ends_with("</content>"));
}

TEST_F(Read, AsksForWhatLiesOutside) {
  write(filled("$OUT/o.txt"), "x\n");
  std::filesystem::create_symlink(out_ / "o.txt", dir_ / "link.txt");
  ASSERT_TRUE(call("read", R"({"filePath":"$OUT/o.txt"})"));
  ASSERT_EQ(host_.asks.size(), 2u);
  EXPECT_EQ(host_.asks[0].permission, "external_directory");
  EXPECT_EQ(shown(host_.asks[0].patterns[0]), "$OUT/*");
  EXPECT_EQ(shown(host_.asks[0].metadata.text), R"({"filepath":"$OUT/o.txt","parentDir":"$OUT"})");
  EXPECT_EQ(host_.asks[1].patterns[0], "../outside/o.txt");
  host_.asks.clear();
  ASSERT_TRUE(call("read", R"({"filePath":"link.txt"})"));
  EXPECT_EQ(host_.asks.size(), 2u) << "a link is followed before deciding";
  host_.asks.clear();
  host_.denied = "external_directory";
  const auto refused = call("read", R"({"filePath":"../outside/o.txt"})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ToolFailure::Kind::rejected);
}

TEST_F(Read, ArgumentsAreChecked) {
  const auto problem = [](std::string_view text) {
    return fmt::format(
        "ERROR The read tool was called with invalid arguments: SchemaError({}).\nPlease rewrite the input so it "
        "satisfies the expected schema.",
        text);
  };
  EXPECT_EQ(content("{}"), problem("Missing key\n  at [\"filePath\"]"));
  EXPECT_EQ(content("[1]"), problem("Expected object, got [1]"));
  EXPECT_EQ(content(R"({"filePath":7})"), problem("Expected string, got 7\n  at [\"filePath\"]"));
  EXPECT_EQ(content(R"({"filePath":"a","offset":"2"})"),
            problem("Expected number | undefined, got \"2\"\n  at [\"offset\"]"));
  EXPECT_EQ(content(R"({"filePath":"a","offset":null})"),
            problem("Expected number | undefined, got null\n  at [\"offset\"]"));
  EXPECT_EQ(content(R"({"filePath":"a","offset":1.5})"), problem("Expected an integer, got 1.5\n  at [\"offset\"]"));
  EXPECT_EQ(content(R"({"filePath":"a","limit":-1})"),
            problem("Expected a value greater than or equal to 0, got -1\n  at [\"limit\"]"));
}

TEST(NameOrder, LettersGoByAlphabetBeforeCase) {
  std::vector<std::string> names{"Z", "b", "a10", "a2", "_x", ".h", "ä", "A", "a", "a-b", "日"};
  std::ranges::sort(names, name_before);
  EXPECT_EQ(names, (std::vector<std::string>{"_x", ".h", "a", "A", "ä", "a-b", "a10", "a2", "b", "Z", "日"}));
}

TEST_F(Read, LanguageServersGetToKnowWhatIsRead) {
  write("a.txt", "x\n");
  output("read", R"({"filePath":"a.txt"})");
  output("read", R"({"filePath":"."})");
  output("read", R"({"filePath":"none.txt"})");
  EXPECT_EQ(servers_.touched, std::vector<std::string>{(dir_ / "a.txt").string()});
}

}  // namespace
}  // namespace quarterdeck::tools
