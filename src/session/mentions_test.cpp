#include "session/mentions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "store/testing/samples.hpp"

namespace quarterdeck::session {
namespace {

using namespace domain;
using ::testing::ElementsAre;

TEST(Mentions, AreWhatFollowsAnAt) {
  EXPECT_THAT(mentions_in("see @src/a.cpp, @.env and @b. Not me@x.org or `@c` @a_b"),
              ElementsAre("src/a.cpp", ".env", "b", "a_b"));
  EXPECT_THAT(mentions_in("@a @a"), ElementsAre("a"));
  EXPECT_TRUE(mentions_in("@ @, @.").empty());
}

TEST(Mentions, BecomeFilesFoldersAndAgents) {
  const store::testing::TempDir dir;
  std::filesystem::create_directories(dir.path() / "src");
  std::ofstream(dir.path() / "a b.txt") << "x";
  std::ofstream(dir.path() / "explore") << "x";
  const std::vector<Agent> agents{{.name = "explore"}, {.name = "general"}};
  const auto parts = parts_of_text("@src @general @explore @nothing", dir.path(), "/home/x", agents);
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(std::get<TextPart>(parts[0].content).text, "@src @general @explore @nothing");
  const auto& folder = std::get<FilePart>(parts[1].content);
  EXPECT_EQ(folder.mime, "application/x-directory");
  EXPECT_EQ(folder.url, "file://" + (dir.path() / "src").string());
  EXPECT_EQ(std::get<AgentPart>(parts[2].content).name, "general");
  // A file wins over an agent of the same name.
  EXPECT_EQ(std::get<FilePart>(parts[3].content).filename, "explore");
}

TEST(Mentions, TellTheModelToCallTheAgent) {
  std::vector<PromptPart> parts{{.id = {}, .content = TextPart{.text = "go"}},
                                {.id = {}, .content = AgentPart{.name = "general", .source = {}}}};
  auto denied = parts;
  add_agent_hints(parts, {.permission = {{"*", "*", Action::allow}}});
  ASSERT_EQ(parts.size(), 3u);
  const auto& hint = std::get<TextPart>(parts[2].content);
  EXPECT_EQ(hint.text,
            " Use the above message and context to generate a prompt and call the task tool with subagent: general");
  EXPECT_EQ(hint.synthetic, true);
  add_agent_hints(denied, {.permission = {{"task", "general", Action::deny}}});
  EXPECT_TRUE(std::get<TextPart>(denied[2].content).text.ends_with(". Invoked by user; guaranteed to exist."));
}

}  // namespace
}  // namespace quarterdeck::session
