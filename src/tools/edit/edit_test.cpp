#include <sys/stat.h>

#include "tools/edit/replace.hpp"
#include "tools/testing/fixture.hpp"

namespace quarterdeck::tools {
namespace {

using testing::ToolTest;

std::string replaced_text(std::string_view content, std::string_view old_text, std::string_view new_text,
                          Occurrences occurrences = Occurrences::one) {
  const auto result = replace_text(content, old_text, new_text, occurrences);
  return result ? *result : "ERROR " + result.error();
}

constexpr auto kNotFound =
    "ERROR Could not find oldString in the file. It must match exactly, including whitespace, indentation, and line "
    "endings.";
constexpr auto kAmbiguous =
    "ERROR Found multiple matches for oldString. Provide more surrounding context to make the match unique.";

TEST(Replace, TheExactTextComesFirst) {
  EXPECT_EQ(replaced_text("a\n  b\nb\n", "  b", "X"), "a\nX\nb\n");
  EXPECT_EQ(replaced_text("a a", "a", "X"), kAmbiguous);
  EXPECT_EQ(replaced_text("a a", "a", "X", Occurrences::all), "X X");
  EXPECT_EQ(replaced_text("abc", "q", "X"), kNotFound);
}

TEST(Replace, NewTextIsTakenLiterally) {
  EXPECT_EQ(replaced_text("X X", "X", "$& $1 $$", Occurrences::all), "$& $1 $$ $& $1 $$");
}

TEST(Replace, LinesMayDifferInTheirEnds) {
  EXPECT_EQ(replaced_text("x\n  foo();\t\n    bar();\ny\n", "foo();\nbar();\n", "z();\n"), "x\nz();\n\ny\n");
}

TEST(Replace, ABlockIsFoundByItsFirstAndLastLine) {
  EXPECT_EQ(replaced_text("begin\n0123456789\nend\n", "begin\n012345678x\nend", "X"), "X\n");
  EXPECT_EQ(replaced_text("begin\n0123456789\nend\n", "begin\n01234xxxxx\nend", "X"), kNotFound) << "too different";
  EXPECT_EQ(replaced_text("begin\na\nb\nc\nd\nend\n", "begin\na\nend", "X"), kNotFound) << "too long";
}

TEST(Replace, WhiteSpaceMayDiffer) {
  EXPECT_EQ(replaced_text("let   x  =  1;\n", "let x = 1;", "X"), "X\n");
  EXPECT_EQ(replaced_text("if (a   &&  b) go();\n", "a && b", "c"), "if (c) go();\n");
}

TEST(Replace, IndentationMayBeShifted) { EXPECT_EQ(replaced_text("\t\tif x:\n\t\t\ty \n", "if x:\n\ty ", "z"), "z\n"); }

TEST(Replace, EscapesMayBeDoubled) { EXPECT_EQ(replaced_text("say(\"a\tb\")", "say(\\\"a\\tb\\\")", "X"), "X"); }

TEST(Replace, EndsMayBeTrimmed) { EXPECT_EQ(replaced_text("foo bar", "\n foo \n", "X"), "X bar"); }

TEST(Replace, ALargerSpanThanAskedForIsRefused) {
  const std::string content = "a    b" + std::string(700, ' ') + "c\nd\n";
  EXPECT_TRUE(replaced_text(content, "a b c\nd", "X").starts_with("ERROR Refusing replacement"));
}

TEST(Replace, GivesUpOnHugeTextsInsteadOfTakingForEver) {
  std::string content, old_text;
  for (int i = 0; i < 200'000; ++i) content += "line\n";
  for (int i = 0; i < 2'000; ++i) old_text += "lime\n";
  EXPECT_EQ(replaced_text(content, old_text, "X"), kNotFound);
}

class Edit : public ToolTest {
 protected:
  std::string edit(const std::string& old_text, const std::string& new_text, const std::string& more = "") {
    return output("edit", fmt::format(R"({{"filePath":"a.txt","oldString":{},"newString":{}{}}})",
                                      wire::quoted(old_text), wire::quoted(new_text), more));
  }
};

TEST_F(Edit, ShowsItsDiffAndAsksFirst) {
  write("a.txt", "one\ntwo\nthree\n");
  const auto result = call("edit", R"({"filePath":"$DIR/a.txt","oldString":"two","newString":"TWO"})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->title, "a.txt");
  EXPECT_EQ(result->output, "Edit applied successfully.");
  const std::string diff = "Index: $DIR/a.txt\n" + std::string(67, '=') +
                           "\n--- $DIR/a.txt\n+++ $DIR/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n";
  EXPECT_EQ(
      shown(result->metadata.text),
      fmt::format(
          R"({{"diagnostics":{{}},"diff":{0},"filediff":{{"file":"$DIR/a.txt","patch":{0},"additions":1,"deletions":1}},"truncated":false}})",
          wire::quoted(diff)));
  ASSERT_EQ(host_.asks.size(), 1u);
  EXPECT_EQ(host_.asks[0].permission, "edit");
  EXPECT_EQ(host_.asks[0].patterns[0], "a.txt");
  EXPECT_EQ(shown(host_.asks[0].metadata.text),
            fmt::format(R"({{"filepath":"$DIR/a.txt","diff":{}}})", wire::quoted(diff)));
  EXPECT_EQ(host_.edited, std::vector{(dir_ / "a.txt").string()});
}

TEST_F(Edit, NothingIsWrittenWithoutPermission) {
  write("a.txt", "one\n");
  host_.denied = "edit";
  EXPECT_EQ(edit("one", "two"), "ERROR no");
  EXPECT_EQ(bytes("a.txt"), "one\n");
  EXPECT_TRUE(host_.edited.empty());
}

TEST_F(Edit, MistakesAreTold) {
  write("a.txt", "one\n");
  EXPECT_EQ(edit("one", "one"), "ERROR No changes to apply: oldString and newString are identical.");
  EXPECT_TRUE(edit("", "x").starts_with("ERROR oldString cannot be empty when editing an existing file."));
  EXPECT_EQ(output("edit", R"({"filePath":"b.txt","oldString":"a","newString":"b"})"),
            "ERROR File $DIR/b.txt not found");
  EXPECT_EQ(output("edit", R"({"filePath":"$DIR","oldString":"a","newString":"b"})"),
            "ERROR Path is a directory, not a file: $DIR");
  EXPECT_TRUE(edit("a", "b", R"(,"replaceAll":"true")")
                  .contains("Expected boolean | undefined, got \"true\"\n  at [\"replaceAll\"]"));
}

TEST_F(Edit, AnEmptyOldStringMakesAFile) {
  EXPECT_EQ(output("edit", R"({"filePath":"n/m/a.txt","oldString":"","newString":"x\n"})"),
            "Edit applied successfully.");
  EXPECT_EQ(bytes("n/m/a.txt"), "x\n");
}

TEST_F(Edit, KeepsLineEndsByteOrderMarkModeAndLinks) {
  write("a.txt", "\xEF\xBB\xBFone\r\ntwo\r\n");
  ::chmod((dir_ / "a.txt").c_str(), 0750);
  std::filesystem::create_symlink("a.txt", dir_ / "l.txt");
  EXPECT_EQ(output("edit", R"({"filePath":"l.txt","oldString":"one\ntwo","newString":"1\n2\n3"})"),
            "Edit applied successfully.");
  EXPECT_EQ(bytes("a.txt"),
            "\xEF\xBB\xBF"
            "1\r\n2\r\n3\r\n");
  EXPECT_TRUE(std::filesystem::is_symlink(dir_ / "l.txt"));
  struct stat status{};
  ::stat((dir_ / "a.txt").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0750u);
}

TEST_F(Edit, EditsSideBySideAllSurvive) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += fmt::format("<{}>\n", i);
  write("a.txt", text);
  std::vector<std::unique_ptr<ToolContext>> contexts;
  std::vector<Task<ToolResult>> tasks;
  for (int i = 0; i < 20; ++i) {
    contexts.push_back(std::make_unique<ToolContext>(context()));
    const std::string input = fmt::format(R"({{"filePath":"a.txt","oldString":"<{0}>","newString":"[{0}]"}})", i);
    tasks.push_back(registry_.run("edit", {input}, *contexts.back()));
  }
  for (const auto& result : loop_.run_until(when_all(loop_, std::move(tasks)))) EXPECT_TRUE(result);
  EXPECT_FALSE(bytes("a.txt").contains('<'));
  EXPECT_TRUE(bytes("a.txt").starts_with("[0]\n[1]\n"));
}

TEST_F(Edit, TheDiffIsOfWhatTheFormattersMadeOfIt) {
  write("a.txt", "\xEF\xBB\xBFone\ntwo\n");
  formatters_.text = "one\n  TWO\n  three\n";
  const auto result = call("edit", R"({"filePath":"$DIR/a.txt","oldString":"two","newString":"TWO"})");
  ASSERT_TRUE(result);
  const wire::Json shown = metadata(result);
  EXPECT_TRUE(wire::string_at(shown, "diff").ends_with("@@ -1,2 +1,3 @@\n one\n-two\n+  TWO\n+  three\n"));
  EXPECT_EQ(wire::int_at(*wire::value_at(shown, "filediff"), "additions"), 2);
  EXPECT_EQ(bytes("a.txt"), "\xEF\xBB\xBFone\n  TWO\n  three\n") << "the byte order mark stays";
  EXPECT_TRUE(wire::string_at(*wire::parse(host_.asks.at(0).metadata.text), "diff").ends_with("-two\n+TWO\n"))
      << "the question came before";
}

TEST_F(Edit, TellsTheErrorsThatItsServersFindAndReleasesTheFileBefore) {
  write("a.txt", "one\n");
  servers_.on = true;
  servers_.add(dir_ / "a.txt", 1, "wrong");
  EXPECT_EQ(output("edit", R"({"filePath":"$DIR/a.txt","oldString":"one","newString":"two"})"),
            "Edit applied successfully.\n\nLSP errors detected in this file, please fix:\n<diagnostics "
            "file=\"$DIR/a.txt\">\nERROR [2:3] wrong\n</diagnostics>");
}

}  // namespace
}  // namespace quarterdeck::tools
