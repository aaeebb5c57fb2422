#include "workspace/skills.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;

class SkillsTest : public testing::Test {
 protected:
  SkillsTest() {
    char name[] = "/tmp/skills_test.XXXXXX";
    root_ = ::mkdtemp(name);
    places_ = {.home = root_ / "home", .data = root_ / "data", .config = root_ / "c", .opencode_config = root_ / "o"};
    fs::create_directories(root_ / "work/sub");
  }
  ~SkillsTest() override { fs::remove_all(root_); }
  void write(const fs::path& file, std::string_view text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  void skill(const fs::path& folder, std::string_view name, std::string_view text) {
    write(folder / "SKILL.md", fmt::format("---\nname: {}\ndescription: d\n---\n{}", name, text));
  }
  FoundSkills find(bool trusted = false) {
    return find_skills(
        places_,
        {.directory = root_ / "work/sub", .worktree = root_ / "work", .paths = {"more", "~/own"}, .trusted = trusted});
  }

  fs::path root_;
  Places places_;
};

TEST_F(SkillsTest, AreFoundInEveryPlaceAndTheNearestWins) {
  skill("home/.claude/skills/a", "a", "home");
  skill("o/skill/b", "b", "opencode");
  skill("work/.opencode/skills/deep/b", "b", "project");
  skill("work/sub/.agents/skills/c", "c", "sub");
  skill("work/sub/more/d", "d", "path");
  skill("home/own/e", "e", "own");
  const auto found = find();
  ASSERT_EQ(found.skills.size(), 5u);
  EXPECT_TRUE(found.problems.empty());
  EXPECT_EQ(found.skills[0].content, "home");
  EXPECT_FALSE(found.skills[0].from_project);
  EXPECT_EQ(found.skills[1].content, "project");
  EXPECT_TRUE(found.skills[1].from_project);
  EXPECT_EQ(found.skills[1].location, root_ / "work/.opencode/skills/deep/b/SKILL.md");
}

TEST_F(SkillsTest, SayWhichFileIsWrong) {
  write("work/.claude/skills/x/SKILL.md", "no front matter");
  write("work/.claude/skills/y/SKILL.md", "---\nname: y\ndescription: 5\n---\n");
  const auto found = find();
  EXPECT_TRUE(found.skills.empty());
  ASSERT_EQ(found.problems.size(), 2u);
  EXPECT_EQ(found.problems[0],
            (root_ / "work/.claude/skills/x/SKILL.md").string() + ": Expected a name\n  at [\"name\"]");
}

TEST_F(SkillsTest, DoNotReachOutOfAnUntrustedProject) {
  skill("secret", "s", "secret");
  fs::create_directories(root_ / "work/.opencode/skills");
  fs::create_directory_symlink(root_ / "secret", root_ / "work/.opencode/skills/s");
  EXPECT_TRUE(find().skills.empty());
  EXPECT_EQ(find(true).skills.size(), 1u);
}

TEST_F(SkillsTest, NameTheFilesBesideThem) {
  skill("work/s", "s", "x");
  for (const char* name : {"b.sh", "a/c.txt"}) write(fs::path("work/s") / name, "x");
  EXPECT_EQ(skill_files(root_ / "work/s", 10),
            (std::vector<fs::path>{root_ / "work/s/a/c.txt", root_ / "work/s/b.sh"}));
  EXPECT_EQ(skill_files(root_ / "work/s", 1).size(), 1u);
}

}  // namespace
}  // namespace quarterdeck::workspace
