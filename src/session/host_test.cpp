// What the host does with prompts, permissions and sessions while it runs; host_restart_test.cpp has its restarts.
#include <gmock/gmock.h>

#include "base/failpoint.hpp"
#include "session/testing/host_fixture.hpp"

namespace quarterdeck::session {
namespace {

using namespace session::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using HostTest = HostFixture;

TEST_F(HostTest, AnswersAPromptWithTextTokensAndCost) {
  provider_.answer(says("hello"));
  const SessionId id = open();
  const AssistantMessage message = say(id, "hi");
  EXPECT_EQ(message.finish, "stop");
  EXPECT_EQ(message.tokens.output, 5);
  EXPECT_DOUBLE_EQ(message.cost, (10 * 1 + 5 * 2) / 1e6);
  EXPECT_TRUE(message.completed);
  EXPECT_EQ(parts<TextPart>(id).back().text, "hello");
  EXPECT_DOUBLE_EQ(store_->query().session(id)->cost, message.cost);
}

TEST_F(HostTest, RunsToolCallsAndFeedsTheirResultsBack) {
  provider_.answer(calls("echo", R"({"a":1})"));
  provider_.answer(says("done"));
  const SessionId id = open();
  say(id, "go");
  EXPECT_THAT(runs_, ElementsAre(R"({"a":1})"));
  ASSERT_EQ(provider_.requests().size(), 2u);
  const auto& results = provider_.requests()[1].messages.back();
  EXPECT_EQ(results.role, llm::Role::tool);
  EXPECT_EQ(std::get<llm::ToolResultContent>(results.content[0]).output, R"({"a":1})");
  EXPECT_TRUE(std::holds_alternative<ToolCompleted>(parts<ToolPart>(id)[0].state));
}

TEST_F(HostTest, QueuedPromptsAreAnsweredInOrderEachByItsOwnTurn) {
  for (const char* text : {"one", "two", "three"}) provider_.answer(says(text));
  const SessionId id = open();
  std::vector<MessageId> prompts;
  for (const char* text : {"1", "2", "3"}) prompts.push_back(admit(id, text));
  for (const MessageId& prompt : prompts) ASSERT_TRUE(answer(id, prompt));
  std::vector<MessageId> answered;
  for (const auto& message : history(id)) {
    if (const auto* assistant = std::get_if<AssistantMessage>(&message.info)) answered.push_back(assistant->parent_id);
  }
  EXPECT_EQ(answered, prompts);
}

TEST_F(HostTest, PromptsThatArriveWhileTurnsEndAreAllAnswered) {
  const SessionId id = open();
  std::vector<Task<Result<MessageId>>> asking;
  for (int i = 0; i < 60; ++i) asking.push_back(host_->prompt(id, saying(std::to_string(i))));
  const auto prompts = loop_.run_until(when_all(loop_, std::move(asking)));
  for (const auto& prompt : prompts) {
    ASSERT_TRUE(prompt);
    const auto last = answer(id, *prompt);
    ASSERT_TRUE(last);
    EXPECT_EQ(std::get<AssistantMessage>(store_->query().message(id, *last)->info).finish, "stop");
  }
}

TEST_F(HostTest, TheSameMessageIdIsAdmittedOnceAlsoAfterARestart) {
  provider_.answer(says("only one"));
  const SessionId id = open();
  Prompt prompt = saying("hi");
  prompt.message_id = MessageId{"msg_200000000001AAAAAAAAAAAAAA"};
  ASSERT_TRUE(loop_.run_until(host_->prompt(id, prompt)));
  const auto first = answer(id, *prompt.message_id);
  restart();
  ASSERT_TRUE(loop_.run_until(host_->prompt(id, prompt)));
  EXPECT_EQ(answer(id, *prompt.message_id), first);
  EXPECT_EQ(provider_.requests().size(), 1u);
  EXPECT_EQ(history(id).size(), 2u);
}

TEST_F(HostTest, AFailedCallIsTriedAgainAndItsPartialTextTakenBack) {
  provider_.answer(
      {.events = {llm::TextDelta{"half an ans"}},
       .error = llm::ModelError{
           .kind = llm::ModelError::Kind::network, .message = "reset", .retry_after_ms = 5, .retryable = true}});
  provider_.answer(says("whole answer"));
  const SessionId id = open();
  EXPECT_EQ(say(id, "hi").finish, "stop");
  EXPECT_EQ(parts<TextPart>(id).size(), 2u);  // the prompt's and the answer's
  EXPECT_EQ(parts<TextPart>(id).back().text, "whole answer");
}

TEST_F(HostTest, RetriesAreBoundedAndEndInAStoredError) {
  for (int i = 0; i < 20; ++i) {
    provider_.answer(fails({.kind = llm::ModelError::Kind::overloaded,
                            .message = "busy",
                            .status = 503,
                            .retry_after_ms = 1,
                            .retryable = true}));
  }
  const SessionId id = open();
  const AssistantMessage message = say(id, "hi");
  ASSERT_TRUE(message.error);
  EXPECT_EQ(message.error->name, "APIError");
  EXPECT_EQ(message.error->status_code, 503);
  EXPECT_EQ(provider_.requests().size(), 6u);
}

TEST_F(HostTest, TheSameCallsWithTheSameResultsEndTheTurn) {
  for (int i = 0; i < 20; ++i) provider_.answer(calls("echo", "{}"));
  const SessionId id = open();
  const AssistantMessage message = say(id, "go");
  ASSERT_TRUE(message.error);
  EXPECT_THAT(message.error->message, HasSubstr("the same tool calls"));
  EXPECT_EQ(provider_.requests().size(), 5u);
}

TEST_F(HostTest, AnAbortClosesWhatIsOpenAndLeavesTheQueue) {
  provider_.answer(calls("echo", R"({"wait":1})"));
  provider_.answer(says("second"));
  const SessionId id = open();
  const MessageId first = admit(id, "one");
  const MessageId second = admit(id, "two");
  until([&] { return !runs_.empty(); });
  EXPECT_TRUE(host_->abort(id));
  const auto aborted = std::get<AssistantMessage>(store_->query().message(id, *answer(id, first))->info);
  EXPECT_EQ(aborted.error->name, "MessageAbortedError");
  const ToolError error = std::get<ToolError>(parts<ToolPart>(id)[0].state);
  EXPECT_EQ(error.error, "Tool execution aborted");
  EXPECT_THAT(error.metadata->text, HasSubstr("so far"));
  EXPECT_TRUE(answer(id, second));
  EXPECT_FALSE(host_->abort(id));
  EXPECT_TRUE(host_->busy().empty());
}

TEST_F(HostTest, AskingRulesWaitForAnAnswerAndAlwaysLasts) {
  provider_.answer(calls("echo", R"({"n":1})"));
  provider_.answer(calls("echo", R"({"n":2})"));
  const SessionId id = open({{"echo", "*", Action::ask}});
  const MessageId prompt = admit(id, "go");
  until([&] { return !store_->query().open_requests(id)->empty(); });
  const PermissionRequest request = store_->query().open_requests(id)->front();
  EXPECT_EQ(request.permission, "echo");
  EXPECT_TRUE(runs_.empty());
  ASSERT_TRUE(loop_.run_until(host_->reply({.request_id = request.id, .reply = Reply::always})));
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_EQ(runs_.size(), 2u);
  const auto again = loop_.run_until(host_->reply({.request_id = request.id}));
  EXPECT_EQ(again.error().code, ErrorCode::not_found);
}

TEST_F(HostTest, ARejectionStopsTheTurnAndAReasonGoesToTheModel) {
  provider_.answer(calls("echo", R"({"n":1})"));
  provider_.answer(calls("echo", R"({"n":2})"));
  provider_.answer(says("I see"));
  const SessionId id = open({{"echo", "*", Action::ask}});
  const auto next_request = [&] {
    until([&] { return !store_->query().open_requests(id)->empty(); });
    return store_->query().open_requests(id)->front().id;
  };
  MessageId prompt = admit(id, "go");
  ASSERT_TRUE(loop_.run_until(host_->reply({.request_id = next_request(), .reply = Reply::reject})));
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_EQ(provider_.requests().size(), 1u);
  prompt = admit(id, "go on");
  ASSERT_TRUE(loop_.run_until(
      host_->reply({.request_id = next_request(), .reply = Reply::reject, .message = "use the other"})));
  ASSERT_TRUE(answer(id, prompt));
  EXPECT_EQ(provider_.requests().size(), 3u);
  EXPECT_THAT(std::get<ToolError>(parts<ToolPart>(id).back().state).error, HasSubstr("use the other"));
  EXPECT_TRUE(runs_.empty());
}

TEST_F(HostTest, DenyRulesAnswerTheModelWithoutAsking) {
  provider_.answer(calls("echo", R"({"n":1})"));
  const SessionId id = open({{"echo", "{*", Action::deny}});
  say(id, "go");
  EXPECT_THAT(std::get<ToolError>(parts<ToolPart>(id)[0].state).error,
              HasSubstr("specified a rule which prevents you"));
  EXPECT_TRUE(runs_.empty());
}

TEST_F(HostTest, AToolThatIsDeniedAltogetherIsNotOffered) {
  provider_.answer(says("ok"));
  const SessionId id = open({{"echo", "*", Action::deny}});
  say(id, "go");
  EXPECT_TRUE(provider_.requests()[0].tools.empty());
}

TEST_F(HostTest, ADefaultTitleIsReplacedAfterTheFirstPrompt) {
  provider_.answer(says("either the answer or the title"));
  provider_.answer(says("either the answer or the title"));
  const SessionId id = loop_.run_until(host_->create({.directory = dir_.path().string()}))->id;
  say(id, "hi");
  until([&] { return store_->query().session(id)->title == "either the answer or the title"; });
}

TEST_F(HostTest, AnUnknownModelIsRefusedBeforeAnythingIsStored) {
  const SessionId id = open();
  Prompt prompt = saying("hi");
  prompt.model = ModelRef{"fake", "nosuch", {}};
  const auto refused = loop_.run_until(host_->prompt(id, prompt));
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_EQ(refused.error().message, "Model not found: fake/nosuch.");
  EXPECT_TRUE(history(id).empty());
}

TEST_F(HostTest, DeletingASessionTakesItsChildrenAndItsRunningTurn) {
  provider_.answer(calls("echo", R"({"wait":1})"));
  const SessionId id = open();
  const SessionId child =
      loop_.run_until(host_->create({.directory = dir_.path().string(), .parent_id = id, .title = "child"}))->id;
  admit(id, "go");
  admit(id, "never begun");
  until([&] { return !runs_.empty(); });
  ASSERT_TRUE(loop_.run_until(host_->remove(id)));
  EXPECT_EQ(provider_.requests().size(), 1u);
  EXPECT_FALSE(store_->query().session(id));
  EXPECT_FALSE(store_->query().session(child));
  EXPECT_TRUE(host_->busy().empty());
}

// ------------------------------------------------------------------------------- prompts that meet a busy session

TEST_F(HostTest, APromptThatSteersIsAnsweredAtTheNextStepBoundaryBeforeWhatIsQueued) {
  const SessionId id = open({{"echo", "*", Action::ask}});
  provider_.answer(calls("echo", R"({"a":1})"));
  for (const char* text : {"steered", "queued"}) provider_.answer(says(text));
  const MessageId first = admit(id, "first");
  until([&] { return !host_->waiting(id).empty() || store_->query().requests_json({})->size() > 2; });
  const MessageId queued = admit(id, "queue me");
  const MessageId steering = send(id, "steer", Delivery::steer);
  const auto waiting = host_->waiting(id);
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].message, steering);
  EXPECT_EQ(waiting[1].message, queued);
  allow(id);
  for (const MessageId& prompt : {first, steering, queued}) ASSERT_TRUE(answer(id, prompt));
  EXPECT_THAT(parents(id), ElementsAre(first, steering, queued));
  // The model sees what the steered turn did, then the new words.
  const auto& seen = provider_.requests()[1].messages;
  EXPECT_EQ(seen[seen.size() - 2].role, llm::Role::tool);
  EXPECT_EQ(std::get<llm::TextContent>(seen.back().content[0]).text, "steer");
}

TEST_F(HostTest, PromptsOfAllModesAtOnceAreEachAnsweredFromTheDisk) {
  const SessionId id = open();
  std::vector<Task<Result<MessageId>>> asking;
  for (int i = 0; i < 60; ++i) {
    Prompt prompt = saying(std::to_string(i));
    prompt.delivery = i % 3 == 0 ? Delivery::steer : i % 3 == 1 ? Delivery::interrupt : Delivery::queue;
    asking.push_back(host_->prompt(id, std::move(prompt)));
  }
  const auto prompts = loop_.run_until(when_all(loop_, std::move(asking)));
  for (const auto& prompt : prompts) {
    ASSERT_TRUE(prompt);
    const auto last = answer(id, *prompt);
    ASSERT_TRUE(last);
    const auto answered = std::get<AssistantMessage>(store_->query().message(id, *last)->info);
    EXPECT_TRUE(!answered.error || answered.error->name == "MessageAbortedError") << answered.error->message;
  }
}

TEST_F(HostTest, APromptThatInterruptsEndsTheRunningTurnAndIsNextAlsoBeforeWhatSteers) {
  const SessionId id = open();
  provider_.answer({.events = {llm::TextDelta{"on and on"}}, .hang = true});
  for (const char* text : {"interrupting", "steering"}) provider_.answer(says(text));
  const MessageId first = admit(id, "first");
  until([&] { return provider_.streaming(); });
  const MessageId steering = send(id, "steer", Delivery::steer);
  const MessageId interrupting = send(id, "stop that", Delivery::interrupt);
  for (const MessageId& prompt : {first, steering, interrupting}) ASSERT_TRUE(answer(id, prompt));
  EXPECT_THAT(parents(id), ElementsAre(first, interrupting, steering));
  const auto cut = std::get<AssistantMessage>(history(id)[1].info);
  EXPECT_EQ(cut.error->name, "MessageAbortedError");
}

TEST_F(HostTest, APromptThatRejectsIsRefusedWhileTheSessionIsBusyAndAnsweredOtherwise) {
  const SessionId id = open();
  provider_.answer({.hang = true});
  provider_.answer(says("free again"));
  const MessageId first = admit(id, "first");
  until([&] { return provider_.streaming(); });
  Prompt prompt = saying("only now");
  prompt.delivery = Delivery::reject;
  const auto refused = loop_.run_until(host_->prompt(id, prompt));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  host_->abort(id);
  ASSERT_TRUE(answer(id, first));
  const auto admitted = loop_.run_until(host_->prompt(id, prompt));
  ASSERT_TRUE(admitted);
  ASSERT_TRUE(answer(id, *admitted));
  EXPECT_EQ(parts<TextPart>(id).back().text, "free again");
  EXPECT_THAT(parents(id), ElementsAre(first, *admitted));
}

TEST_F(HostTest, AnAbortLeavesTheQueueAndAWithdrawnPromptIsGone) {
  const SessionId id = open();
  provider_.answer({.hang = true});
  provider_.answer(says("third"));
  const MessageId first = admit(id, "1");
  until([&] { return provider_.streaming(); });
  const MessageId second = admit(id, "2");
  const MessageId third = admit(id, "3");
  ASSERT_TRUE(loop_.run_until(host_->withdraw(id, second)));
  EXPECT_EQ(loop_.run_until(host_->withdraw(id, first)).error().code, ErrorCode::conflict);
  EXPECT_EQ(loop_.run_until(host_->withdraw(id, second)).error().code, ErrorCode::not_found);
  EXPECT_TRUE(host_->abort(id));
  EXPECT_EQ(answer(id, second).error().code, ErrorCode::not_found);
  ASSERT_TRUE(answer(id, third));
  EXPECT_THAT(parents(id), ElementsAre(first, third));
}

// ------------------------------------------------------------------------------------------------- idempotency

TEST_F(HostTest, TheSameKeyAdmitsAPromptOnceAlsoAtTheSameTimeAndAfterARestart) {
  provider_.answer(says("only one"));
  const SessionId id = open();
  Prompt prompt = saying("hi");
  prompt.key = IdempotencyKey{id.value + " retry", "f1"};
  std::vector<Task<Result<MessageId>>> asking;
  for (int i = 0; i < 10; ++i) asking.push_back(host_->prompt(id, prompt));
  const auto admitted = loop_.run_until(when_all(loop_, std::move(asking)));
  for (const auto& each : admitted) EXPECT_EQ(each, admitted[0]);
  ASSERT_TRUE(answer(id, *admitted[0]));
  restart();
  EXPECT_EQ(loop_.run_until(host_->prompt(id, prompt)), admitted[0]);
  EXPECT_EQ(provider_.requests().size(), 1u);
  EXPECT_EQ(history(id).size(), 2u);
  prompt.key->fingerprint = "another";
  const auto refused = loop_.run_until(host_->prompt(id, prompt));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(refused.error().message, "The Idempotency-Key \"retry\" was used for another request");
}

TEST_F(HostTest, TheSameMessageIdAtTheSameTimeIsAdmittedOnceAndWithOtherWordsRefused) {
  const SessionId id = open();
  Prompt prompt = saying("hi");
  prompt.message_id = MessageId{"msg_200000000001AAAAAAAAAAAAAA"};
  std::vector<Task<Result<MessageId>>> asking;
  for (int i = 0; i < 10; ++i) asking.push_back(host_->prompt(id, prompt));
  for (const auto& each : loop_.run_until(when_all(loop_, std::move(asking)))) EXPECT_EQ(each, *prompt.message_id);
  ASSERT_TRUE(answer(id, *prompt.message_id));
  EXPECT_EQ(history(id).size(), 2u);
  EXPECT_EQ(history(id)[0].parts.size(), 1u);
  Prompt other = saying("something else");
  other.message_id = prompt.message_id;
  EXPECT_EQ(loop_.run_until(host_->prompt(id, other)).error().code, ErrorCode::conflict);
}

TEST_F(HostTest, TheSameKeyMakesOneSession) {
  CreateSession command{.directory = dir_.path().string(), .title = "keyed", .key = IdempotencyKey{"session k", "f"}};
  std::vector<Task<Result<Session>>> asking;
  for (int i = 0; i < 5; ++i) asking.push_back(host_->create(command));
  const auto made = loop_.run_until(when_all(loop_, std::move(asking)));
  for (const auto& each : made) EXPECT_EQ(each->id, made[0]->id);
  restart();
  EXPECT_EQ(loop_.run_until(host_->create(command))->id, made[0]->id);
  EXPECT_EQ(store_->query().counts()->sessions, 1);
  command.key->fingerprint = "g";
  EXPECT_EQ(loop_.run_until(host_->create(command)).error().code, ErrorCode::conflict);
}

// ------------------------------------------------------------------------------- permissions across two crashes

TEST_F(HostTest, ChildrenThatAreJustBeingMadeGoWithTheirParent) {
  const SessionId parent = open();
  std::vector<Task<Result<Session>>> making;
  for (int i = 0; i < 5; ++i) {
    making.push_back(host_->create({.directory = dir_.path().string(), .parent_id = parent, .title = "a child"}));
  }
  TaskGroup removing(loop_);
  removing.spawn([](Host& host, SessionId id) -> Task<void> {
    [[maybe_unused]] const auto removed = co_await host.remove(std::move(id));
  }(*host_, parent));
  loop_.run_until(when_all(loop_, std::move(making)));
  loop_.run_until(removing.join());
  EXPECT_EQ(store_->query().counts()->sessions, 0);
  EXPECT_EQ(loop_.run_until(host_->create({.directory = dir_.path().string(), .parent_id = parent})).error().code,
            ErrorCode::not_found);
}

// ------------------------------------------------------------------------------------------------ a broken disk

TEST_F(HostTest, WhoWaitsForAQueuedPromptLearnsThatItsSessionCannotBeWritten) {
  if (!failpoint::kCompiled) GTEST_SKIP() << "built without QD_FAILPOINTS";
  const SessionId id = open();
  Prompt queued = saying("later");
  queued.wait_for_next = true;
  const MessageId prompt = *loop_.run_until(host_->prompt(id, queued));
  std::optional<Result<MessageId>> answered;
  TaskGroup waiting(loop_);
  waiting.spawn([](Host& host, SessionId id, MessageId prompt, std::optional<Result<MessageId>>& out) -> Task<void> {
    out = co_await host.answer(std::move(id), std::move(prompt));
  }(*host_, id, prompt, answered));
  loop_.run_until(host_->settle(id));
  ASSERT_FALSE(answered);
  ASSERT_TRUE(failpoint::arm("store.commit.before:*:error"));
  EXPECT_FALSE(loop_.run_until(host_->update(id, {.title = "unwritten"})));
  ASSERT_TRUE(failpoint::arm(""));
  loop_.run_until(waiting.join());
  ASSERT_TRUE(answered);
  EXPECT_FALSE(*answered);
  provider_.answer(says("done"));
  restart();
  EXPECT_TRUE(answer(id, prompt));
  EXPECT_EQ(parts<TextPart>(id).back().text, "done");
}

}  // namespace
}  // namespace quarterdeck::session
