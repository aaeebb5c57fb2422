// What the host makes of work that a restart or a crash found.
#include <gmock/gmock.h>

#include "base/failpoint.hpp"
#include "session/testing/host_fixture.hpp"

namespace quarterdeck::session {
namespace {

using namespace session::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using HostRestartTest = HostFixture;

TEST_F(HostRestartTest, AShutdownLeavesTheTurnOpenAndTheNextStartResumesIt) {
  provider_.answer({.events = {llm::TextDelta{"first half, "}}, .hang = true});
  provider_.answer(says("second half"));
  const SessionId id = open();
  const MessageId prompt = admit(id, "go");
  until([&] { return provider_.streaming(); });
  restart();
  ASSERT_TRUE(answer(id, prompt));
  const auto messages = history(id);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(std::get<TextPart>(messages[1].parts[1].content).text, "first half, ");
  EXPECT_EQ(std::get<AssistantMessage>(messages[2].info).finish, "stop");
  EXPECT_TRUE(store_->query().sessions_with_work()->empty());
}

TEST_F(HostRestartTest, PlannedRestartsAreNotCountedAgainstATurn) {
  for (int i = 0; i < 5; ++i) provider_.answer({.events = {llm::TextDelta{"x"}}, .hang = true});
  provider_.answer(says("done at last"));
  const SessionId id = open();
  const MessageId prompt = admit(id, "go");
  for (int i = 0; i < 5; ++i) {
    until([&] { return provider_.streaming(); });
    restart();
  }
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_EQ(parts<TextPart>(id).back().text, "done at last");
}

TEST_F(HostRestartTest, ThePolicyEndHoldsForPlannedRestartsToo) {
  const SessionId id = open();
  provider_.answer({.events = {llm::TextDelta{"half"}}, .hang = true});
  const MessageId prompt = admit(id, "go");
  until([&] { return provider_.streaming(); });
  stop();
  options_.recovery = Recovery::end;
  start();
  ASSERT_TRUE(loop_.run_until(host_->recover()));
  const auto last = answer(id, prompt);
  ASSERT_TRUE(last);
  const auto ended = std::get<AssistantMessage>(store_->query().message(id, *last)->info);
  EXPECT_THAT(ended.error->message, HasSubstr("by policy it was not resumed"));
  EXPECT_EQ(provider_.requests().size(), 1u);
}

TEST_F(HostRestartTest, ATurnThatWasRunningInSeveralCrashesIsEndedWithAReason) {
  provider_.answer({.events = {llm::TextDelta{"x"}}, .hang = true});
  const SessionId id = open();
  const MessageId prompt = admit(id, "go");
  until([&] { return provider_.streaming(); });
  stop();
  start();
  // As if it had been taken up, and the server had crashed, several times.
  ASSERT_TRUE(
      loop_.run_until(store_->events().append(store::Batch{.session = id, .events = {TurnStarted{prompt, 6}}})));
  ASSERT_TRUE(loop_.run_until(host_->recover()));
  const auto last = answer(id, prompt);
  ASSERT_TRUE(last);
  EXPECT_THAT(std::get<AssistantMessage>(store_->query().message(id, *last)->info).error->message,
              HasSubstr("not resumed once more"));
  EXPECT_EQ(provider_.requests().size(), 1u);
  EXPECT_TRUE(store_->query().sessions_with_work()->empty());
}

TEST_F(HostRestartTest, AnInterruptionThatACrashOvertookTakesEffectAtTheNextStart) {
  const SessionId id = open();
  provider_.answer({.events = {llm::TextDelta{"on and on"}}, .hang = true});
  provider_.answer(says("interrupting"));
  const MessageId first = admit(id, "first");
  until([&] { return provider_.streaming(); });
  stop();
  // The interruption was stored, and nothing else.
  const MessageId interrupting{"msg_ffffffffff01AAAAAAAAAAAAAA"};
  start();
  auto message = std::get<UserMessage>(history(id)[0].info);
  message.id = interrupting;
  ASSERT_TRUE(loop_.run_until(store_->events().append(
      store::Batch{id,
                   dir_.path().string(),
                   "global",
                   {MessageUpdated{message}, PromptAdmitted{interrupting, Delivery::interrupt}}})));
  ASSERT_TRUE(loop_.run_until(host_->recover()));
  ASSERT_TRUE(answer(id, interrupting));
  EXPECT_EQ(parts<TextPart>(id).back().text, "interrupting");
  EXPECT_EQ(parents(id).front(), first);
  EXPECT_EQ(parents(id).back(), interrupting);
  EXPECT_EQ(provider_.requests().size(), 2u);
}

TEST_F(HostRestartTest, AnAnswerThatItsCallWasNotToldOfCountsAfterACrash) {
  const SessionId id = open({{"echo", "*", Action::ask}});
  provider_.answer(calls("echo", R"({"a":1})"));
  provider_.answer(says("done"));
  const MessageId prompt = admit(id, "go");
  until([&] { return store_->query().requests_json({})->size() > 2; });
  const PermissionId request = store_->query().open_requests(id)->front().id;
  stop();
  start();
  // Answered and stored; the server ended before the call went on.
  ASSERT_TRUE(loop_.run_until(store_->events().append(
      store::Batch{id, dir_.path().string(), "global", {PermissionReplied{request, Reply::once, {}}}})));
  ASSERT_EQ(store_->query().answered_requests(id)->size(), 1u);
  ASSERT_TRUE(loop_.run_until(host_->recover()));
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_THAT(runs_, ElementsAre(R"({"a":1})"));
  EXPECT_EQ(parts<TextPart>(id).back().text, "done");
  EXPECT_TRUE(store_->query().answered_requests(id)->empty());
}

TEST_F(HostRestartTest, CallsThatShareAnIdAreToldApartAfterACrash) {
  const SessionId id = open({{"echo", "*", Action::ask}});
  FakeAnswer twice = calls("echo", R"({"a":1})");
  twice.events.emplace_back(llm::ToolCallStarted{1, "call_1", "echo"});
  twice.events.emplace_back(llm::ToolCallDelta{1, R"({"wait":2})"});
  twice.events.emplace_back(llm::ToolCallStarted{2, "", "echo"});
  twice.events.emplace_back(llm::ToolCallDelta{2, R"({"wait":3})"});
  provider_.answer(std::move(twice));
  provider_.answer(says("I see"));
  const MessageId prompt = admit(id, "go");
  until([&] { return store_->query().open_requests(id)->size() == 3; });
  const auto asked = *store_->query().open_requests(id);
  for (const auto& request : asked) {
    if (!request.patterns.front().contains("wait")) continue;
    ASSERT_TRUE(loop_.run_until(host_->reply({.request_id = request.id, .reply = Reply::once, .message = {}})));
  }
  until([&] { return runs_.size() == 2; });  // these have begun; the first still asks
  restart();
  allow(id);
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_THAT(runs_, ::testing::UnorderedElementsAre(R"({"wait":2})", R"({"wait":3})", R"({"a":1})"));
}

TEST_F(HostRestartTest, AShutdownLeavesAPendingPermissionToTheNextStart) {
  const SessionId id = open({{"echo", "*", Action::ask}});
  provider_.answer(calls("echo", R"({"a":1})"));
  provider_.answer(says("done"));
  const MessageId prompt = admit(id, "go");
  for (int restarts = 0; restarts < 8; ++restarts) {
    until([&] { return store_->query().requests_json({})->size() > 2; });
    restart();
  }
  ASSERT_EQ(store_->query().open_requests(id)->size(), 1u);
  allow(id);
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_EQ(runs_.size(), 1u);
  EXPECT_EQ(parts<TextPart>(id).back().text, "done");
}

TEST_F(HostRestartTest, ACallThatWentOnAfterItsAnswerIsNotRunAgain) {
  const SessionId id = open({{"echo", "*", Action::ask}});
  provider_.answer(calls("echo", R"({"wait":1})"));
  provider_.answer(says("I see"));
  const MessageId prompt = admit(id, "go");
  until([&] { return store_->query().requests_json({})->size() > 2; });
  allow(id);
  until([&] { return runs_.size() == 1; });
  ASSERT_TRUE(store_->query().answered_requests(id)->empty());
  restart();
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_EQ(runs_.size(), 1u);
}

TEST_F(HostRestartTest, ACallThatWasRefusedStaysRefusedWhenTheRestIsAllowedForGood) {
  const SessionId id = open({{"echo", "*", Action::ask}});
  provider_.answer(calls("echo", R"({"a":1})"));
  const MessageId prompt = admit(id, "go");
  until([&] { return store_->query().requests_json({})->size() > 2; });
  const PermissionId request = store_->query().open_requests(id)->front().id;
  stop();
  start();
  ASSERT_TRUE(loop_.run_until(store_->events().append(
      store::Batch{id, dir_.path().string(), "global", {PermissionReplied{request, Reply::reject, {}}}})));
  allow_for_good(id);
  ASSERT_TRUE(loop_.run_until(host_->recover()));
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_TRUE(runs_.empty());
}

TEST_F(HostRestartTest, ARequestFromBeforeARestartIsAnsweredByWhatIsAllowedSince) {
  const SessionId id = open({{"echo", "*", Action::ask}});
  provider_.answer(calls("echo", R"({"a":1})"));
  provider_.answer(says("done"));
  const MessageId prompt = admit(id, "go");
  until([&] { return store_->query().requests_json({})->size() > 2; });
  stop();
  start();
  allow_for_good(id);
  ASSERT_TRUE(loop_.run_until(host_->recover()));
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_EQ(runs_.size(), 1u);
  EXPECT_TRUE(store_->query().open_requests(id)->empty());
}

}  // namespace
}  // namespace quarterdeck::session
