#include "app/cli/fleet/roster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli/fleet/arguments.hpp"

namespace quarterdeck::app {
namespace {

using testing::HasSubstr;
using testing::Not;

wire::Json roster() {
  return *wire::parse(R"({"counts":{"needs_you":1},"sessions":[
    {"sessionID":"ses_0123456789abcdefghijAAAA","title":"Fix\u001b[31m the flaky test of the checkout","priority":"P0","cost":1.5,
     "attention":{"group":"needs_you","state":"approve","reason":"Asks for bash: rm","since":1000,"next":{"action":"tells a person"}}},
    {"sessionID":"ses_0123456789abcdefghijBBBB","title":"Other","priority":"P2",
     "attention":{"group":"quiet","state":"idle","reason":"","since":1000}}]})");
}

TEST(RosterText, PipedItKeepsWholeIdsAndHasNoEscapes) {
  const std::string text = roster_text(roster(), Style{}, 61'000);
  EXPECT_THAT(text, HasSubstr("NEEDS YOU (1)\nP0   approve  1m"));
  EXPECT_THAT(text, HasSubstr("ses_0123456789abcdefghijAAAA"));
  EXPECT_THAT(text, HasSubstr("Asks for bash: rm (tells a person)"));
  EXPECT_THAT(text, HasSubstr("\nQUIET\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(RosterText, OnATerminalEveryLineFitsAndIdsStillTellApart) {
  for (const std::size_t columns : {66, 80, 120}) {
    const Style style{.colour = false, .unicode = true, .live = true, .columns = columns};
    const std::string text = roster_text(roster(), style, 61'000);
    for (const auto line : lines_of(text)) EXPECT_LE(width(line), columns) << line;
  }
  const Style wide{.colour = false, .unicode = true, .live = true, .columns = 150};
  EXPECT_THAT(roster_text(roster(), wide, 61'000), HasSubstr("ses_0123456789abcdefghijA "));
}

TEST(RosterText, WhatDoesNotFitInHeightIsCounted) {
  EXPECT_EQ(clipped("a\nb\nc\nd\n", 3), "a\nb\n… 2 lines more\n");
  EXPECT_EQ(clipped("a\nb\n", 3), "a\nb\n");
}

TEST(FleetArguments, WhatCannotBeIsToldBeforeTheServerIsAsked) {
  FleetOptions options{.verb = FleetVerb::open};
  EXPECT_EQ(problem_with(options), "");
  options.in_place = true;
  options.branch = "x";
  EXPECT_THAT(problem_with(options), HasSubstr("leave --in-place out"));
  EXPECT_THAT(problem_with({.verb = FleetVerb::open, .model = "gpt"}), HasSubstr("PROVIDER/MODEL"));
}

}  // namespace
}  // namespace quarterdeck::app
