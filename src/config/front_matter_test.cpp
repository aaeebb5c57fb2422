#include "config/front_matter.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::config {
namespace {

std::string data_of(std::string_view text) {
  const auto document = parse_markdown(text);
  return document ? wire::to_text(document->data) : document.error().message;
}

TEST(FrontMatter, IsSplitFromTheText) {
  const auto document = parse_markdown("---\nname: x\nsteps: 3\n---\n\n# Title\n\ntext\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(wire::to_text(document->data), R"({"name":"x","steps":3})");
  EXPECT_EQ(document->content, "# Title\n\ntext");
}

TEST(FrontMatter, MayBeAbsentOrEmpty) {
  EXPECT_EQ(parse_markdown("just text\n---\nmore")->content, "just text\n---\nmore");
  EXPECT_EQ(parse_markdown("---\n---\nbody")->content, "body");
  EXPECT_EQ(data_of("---\n---\nbody"), "{}");
  EXPECT_EQ(parse_markdown("")->content, "");
  EXPECT_EQ(parse_markdown("\xef\xbb\xbf---\r\na: b\r\n---\r\nbody\r\n")->content, "body");
}

TEST(FrontMatter, KnowsTheTypesOfYaml) {
  EXPECT_EQ(data_of("---\na: true\nb: \"true\"\nc: 1.5\nd: ~\ne: [x, 2]\nf:\n  g: -3\n---\n"),
            R"({"a":true,"b":"true","c":1.5,"d":null,"e":["x",2],"f":{"g":-3}})");
  EXPECT_EQ(data_of("---\na: |\n  two\n  lines\nb: >-\n  one\n  line\n---\n"),
            R"({"a":"two\nlines\n","b":"one line"})");
}

TEST(FrontMatter, TakesAValueWithAColonAsText) {
  EXPECT_EQ(data_of("---\ndescription: Use when: asked\nmode: primary\n---\n"),
            R"({"description":"Use when: asked","mode":"primary"})");
}

TEST(FrontMatter, SaysWhatIsWrong) {
  EXPECT_EQ(data_of("---\na: [1\n---\n").find("front matter, line "), 0u);
  EXPECT_EQ(data_of("---\n- a\n---\n"), "front matter: Expected names with values");
  EXPECT_EQ(data_of("---\na: b\n"), "front matter: the closing --- is missing");
}

TEST(FrontMatter, DoesNotUnfoldWithoutEnd) {
  std::string bomb = "---\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j ? "," : "", i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(data_of(bomb + "---\n"), "front matter: unfolds to more than 10000 values");
  EXPECT_FALSE(parse_markdown("---\n" + std::string(60'000, '[') + "\n---\n"));
}

TEST(FrontMatter, SurvivesNonsense) {
  for (const char* text :
       {"---", "---\n", "---\n\n---", "---\n\xff\xfe: \x01\n---\n", "---\n: :\n---", "---\n*x\n---\n",
        "---\n? [a, b]\n: c\n---\n", "---\n<<: *a\n---\n", "---\n!!binary x\n---\n"}) {
    [[maybe_unused]] const auto parsed = parse_markdown(text);
  }
}

}  // namespace
}  // namespace quarterdeck::config
