#include "session/state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarterdeck::session {
namespace {

using namespace domain;
using ::testing::HasSubstr;

class StateTest : public ::testing::Test {
 protected:
  StateTest() { state_.session = new_session({.directory = "/p"}, {.id = "global"}, "", ids_, clock_.now_ms(), "1"); }

  Admission admit(Prompt prompt) {
    Admission admission =
        decide(state_, prompt, {.now = clock_.now_ms(), .ids = ids_, .agent = "build", .model = {"p", "m", {}}});
    for (const Event& event : admission.events) apply(state_, event);
    return admission;
  }
  static Prompt saying(std::string text) { return {.parts = {{.content = TextPart{.text = std::move(text)}}}}; }

  FakeClock clock_;
  IdSource ids_{clock_, system_random()};
  State state_;
};

TEST_F(StateTest, AnAdmittedPromptWaitsInTheInboxUntilItsTurnStarts) {
  const MessageId first = admit(saying("one")).message_id;
  const MessageId second = admit(saying("two")).message_id;
  EXPECT_THAT(state_.inbox, ::testing::ElementsAre(first, second));
  apply(state_, TurnStarted{first});
  EXPECT_THAT(state_.inbox, ::testing::ElementsAre(second));
  EXPECT_EQ(state_.turn, first);
  apply(state_, TurnEnded{first, "completed"});
  EXPECT_EQ(state_.turn, std::nullopt);
}

TEST_F(StateTest, AgentAndModelOfAPromptStickToTheSession) {
  admit(saying("hi"));
  EXPECT_EQ(state_.session.agent, "build");
  EXPECT_EQ(state_.session.model, (ModelRef{"p", "m", "default"}));
}

TEST_F(StateTest, WhatAPromptSwitchesOffStaysOffUntilAnotherSwitchesItOn) {
  state_.session.permission = Ruleset{{"edit", "*.md", Action::deny}, {"bash", "*", Action::ask}};
  Prompt prompt = saying("hi");
  prompt.tools = JsonText{R"({"bash":false,"odd":1})"};
  admit(prompt);
  EXPECT_EQ(state_.session.permission, (Ruleset{{"edit", "*.md", Action::deny}, {"bash", "*", Action::deny}}));
  admit(saying("again"));
  EXPECT_EQ(state_.session.permission->size(), 2u);
  prompt.tools = JsonText{R"({"bash":true})"};
  admit(prompt);
  EXPECT_EQ(state_.session.permission->back(), (Rule{"bash", "*", Action::allow}));
}

TEST_F(StateTest, APromptIsAnnouncedAsOpenCodeDoesIt) {
  const Admission admission = admit(saying("hi"));
  ASSERT_EQ(admission.events.size(), 5u);
  EXPECT_TRUE(std::holds_alternative<SessionUpdated>(admission.events[0]));
  EXPECT_TRUE(std::holds_alternative<MessageUpdated>(admission.events[1]));
  EXPECT_TRUE(std::holds_alternative<PartUpdated>(admission.events[2]));
  EXPECT_TRUE(std::holds_alternative<SessionUpdated>(admission.events[3]));
  EXPECT_TRUE(std::holds_alternative<PromptAdmitted>(admission.events[4]));
}

TEST_F(StateTest, APromptWithoutReplyIsStoredButNotQueued) {
  Prompt prompt = saying("context");
  prompt.no_reply = true;
  admit(prompt);
  EXPECT_TRUE(state_.inbox.empty());
}

TEST_F(StateTest, IdsOfTheClientAreKept) {
  Prompt prompt = saying("hi");
  prompt.message_id = MessageId{"msg_client"};
  prompt.parts[0].id = PartId{"prt_client"};
  const Admission admission = admit(prompt);
  EXPECT_EQ(admission.message_id.value, "msg_client");
  EXPECT_EQ(std::get<PartUpdated>(admission.events[2]).part.id.value, "prt_client");
}

TEST_F(StateTest, RulesAreAppendedNotReplaced) {
  state_.session.permission = Ruleset{{"bash", "*", Action::ask}};
  const auto events =
      decide(state_, UpdateSession{.permission = Ruleset{{"edit", "*", Action::deny}}}, clock_.now_ms());
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(std::get<SessionUpdated>(events[0]).info.permission,
            (Ruleset{{"bash", "*", Action::ask}, {"edit", "*", Action::deny}}));
}

TEST_F(StateTest, AnUpdateThatChangesNothingIsNoEvent) {
  EXPECT_TRUE(decide(state_, UpdateSession{.title = state_.session.title}, clock_.now_ms() + 5).empty());
}

TEST_F(StateTest, ARequestIsAnsweredOnce) {
  apply(state_, PermissionAsked{{.id = {"per_1"}, .permission = "bash"}});
  const auto answered = decide(state_, ReplyPermission{.request_id = {"per_1"}});
  ASSERT_TRUE(answered);
  for (const Event& event : *answered) apply(state_, event);
  const auto again = decide(state_, ReplyPermission{.request_id = {"per_1"}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::not_found);
}

TEST_F(StateTest, ARejectionSpeaksForAllOpenRequests) {
  apply(state_, PermissionAsked{{.id = {"per_1"}}});
  apply(state_, PermissionAsked{{.id = {"per_2"}}});
  const auto events = decide(state_, ReplyPermission{.request_id = {"per_2"}, .reply = Reply::reject, .message = "no"});
  ASSERT_TRUE(events);
  EXPECT_THAT(*events, ::testing::ElementsAre(Event{PermissionReplied{{"per_2"}, Reply::reject, "no"}},
                                              Event{PermissionReplied{{"per_1"}, Reply::reject, {}}}));
}

TEST_F(StateTest, DefaultTitlesAreKnownAsSuch) {
  EXPECT_TRUE(is_default_title(state_.session.title));
  EXPECT_THAT(state_.session.title, HasSubstr("New session - 2023-11-14T22:13:20.000Z"));
  EXPECT_FALSE(is_default_title("Fix the login"));
}

}  // namespace
}  // namespace quarterdeck::session
