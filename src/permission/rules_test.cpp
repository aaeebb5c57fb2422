#include "permission/rules.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::permission {
namespace {

using domain::Action;
using domain::Rule;
using domain::Ruleset;

Action decide(std::string_view permission, std::string_view pattern, const Ruleset& rules) {
  return evaluate(permission, pattern, {rules}).action;
}

TEST(Wildcards, StarIsAnythingAndQuestionMarkIsOneCharacter) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*", "a/b c"));
  EXPECT_TRUE(matches("*.env", "a/b/.env"));
  EXPECT_TRUE(matches("*.env.*", ".env.local"));
  EXPECT_FALSE(matches("*.env", ".env.local"));
  EXPECT_TRUE(matches("a?c", "abc"));
  EXPECT_TRUE(matches("a?c", "aäc"));
  EXPECT_FALSE(matches("a?c", "ac"));
  EXPECT_TRUE(matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(matches("a*b*c", "a-b-b"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("A", "a"));
  EXPECT_TRUE(matches("a.c(d)[e]", "a.c(d)[e]")) << "no other character is special";
  EXPECT_FALSE(matches("a.c", "abc"));
}

TEST(Wildcards, ATrailingStarAfterABlankMatchesNoArgumentToo) {
  EXPECT_TRUE(matches("ls *", "ls"));
  EXPECT_TRUE(matches("ls *", "ls -la"));
  EXPECT_FALSE(matches("ls *", "lsof"));
  EXPECT_FALSE(matches("ls", "ls -la"));
  EXPECT_TRUE(matches("git * main", "git push main"));
  EXPECT_FALSE(matches("git * main", "git"));
}

TEST(Wildcards, ManyStarsStayCheap) {
  const std::string pattern = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
  EXPECT_FALSE(matches(pattern, std::string(20'000, 'a')));
}

TEST(Rules, TheLastMatchingRuleWins) {
  EXPECT_EQ(decide("bash", "git status", {{"bash", "git *", Action::allow}, {"bash", "*", Action::ask}}), Action::ask);
  EXPECT_EQ(decide("bash", "ls", {{"bash", "*", Action::deny}, {"bash", "ls *", Action::allow}}), Action::allow);
  EXPECT_EQ(decide("bash", "rm x", {{"*", "*", Action::allow}, {"b*", "rm *", Action::deny}}), Action::deny);
}

TEST(Rules, LaterSetsOverruleEarlierOnes) {
  const Ruleset config{{"bash", "*", Action::deny}};
  const Ruleset session{{"bash", "echo *", Action::allow}};
  EXPECT_EQ(evaluate("bash", "echo a", {config, session}), session[0]);
  EXPECT_EQ(evaluate("bash", "echo a", {session, config}), config[0]);
}

TEST(Rules, AskWhenNoneMatches) {
  EXPECT_EQ(evaluate("bash", "ls", {}), (Rule{"bash", "*", Action::ask}));
  EXPECT_EQ(decide("edit", "a", {{"bash", "*", Action::allow}}), Action::ask);
}

TEST(Rules, AToolIsDisabledWhenNothingOfItCanBeAllowed) {
  const Rule all{"*", "*", Action::allow};
  const Rule deny{"edit", "*", Action::deny};
  EXPECT_TRUE(is_disabled("edit", {Ruleset{all, deny}}));
  EXPECT_FALSE(is_disabled("edit", {Ruleset{deny, all}}));
  EXPECT_FALSE(is_disabled("edit", {Ruleset{deny, {"edit", "docs/*", Action::allow}}}));
  EXPECT_FALSE(is_disabled("edit", {Ruleset{deny, {"edit", "docs/*", Action::ask}}}));
  EXPECT_FALSE(is_disabled("edit", {Ruleset{all, {"edit", "src/*", Action::deny}}}));
  EXPECT_TRUE(is_disabled("edit", {Ruleset{deny}, Ruleset{{"edit", "src/*", Action::deny}}}));
  EXPECT_FALSE(is_disabled("bash", {Ruleset{deny}}));
}

}  // namespace
}  // namespace quarterdeck::permission
