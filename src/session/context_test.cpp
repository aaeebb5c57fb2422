#include "session/context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarterdeck::session {
namespace {

using namespace domain;
using llm::Role;

MessageWithParts user(std::string id, std::string text) {
  return {.info = UserMessage{.id = {std::move(id)}}, .parts = {{.content = TextPart{.text = std::move(text)}}}};
}
MessageWithParts step(std::string id, std::string parent, std::vector<PartContent> contents) {
  MessageWithParts message{
      .info = AssistantMessage{.id = {std::move(id)}, .parent_id = {std::move(parent)}, .completed = 1}};
  for (PartContent& content : contents) message.parts.push_back({.content = std::move(content)});
  return message;
}
PartContent call(std::string id, ToolState state) {
  return ToolPart{.call_id = std::move(id), .tool = "bash", .state = std::move(state)};
}

std::string summary(const llm::ChatMessages& messages) {
  std::string out;
  for (const auto& message : messages) {
    out += message.role == Role::user ? "U:" : message.role == Role::assistant ? "A:" : "T:";
    for (const auto& content : message.content) {
      if (const auto* text = std::get_if<llm::TextContent>(&content)) out += text->text;
      if (const auto* asked = std::get_if<llm::ToolCallContent>(&content)) out += "<" + asked->id + ">";
      if (const auto* result = std::get_if<llm::ToolResultContent>(&content))
        out += "[" + result->id + "=" + result->output + "]";
    }
    out += " ";
  }
  return out;
}

TEST(Context, EveryCallHasOneResultWhateverItsState) {
  const std::vector history{user("msg_1", "go"),
                            step("msg_2", "msg_1",
                                 {call("c1", ToolCompleted{.output = "ok"}), call("c2", ToolError{.error = "bad"}),
                                  call("c3", ToolRunning{}), call("c4", ToolPending{})})};
  const std::string unknown = "[Tool execution was interrupted; its outcome is unknown]";
  EXPECT_EQ(summary(chat_messages(history, {"msg_1"})),
            "U:go A:<c1><c2><c3><c4> T:[c1=ok][c2=bad][c3=" + unknown + "][c4=" + unknown + "] ");
}

TEST(Context, AQueuedPromptIsNotShownBeforeItsTurn) {
  const std::vector history{user("msg_1", "one"), user("msg_3", "two"),
                            step("msg_2", "msg_1", {TextPart{.text = "first"}})};
  EXPECT_EQ(summary(chat_messages(history, {"msg_1"})), "U:one A:first ");
}

TEST(Context, AnswersFollowTheirOwnPromptHoweverTimesInterleave) {
  const std::vector history{user("msg_1", "one"), user("msg_3", "two"),
                            step("msg_4", "msg_1", {TextPart{.text = "first"}})};
  EXPECT_EQ(summary(chat_messages(history, {"msg_3"})), "U:one A:first U:two ");
}

TEST(Context, APromptThatOvertookOthersStandsWhereItsAnswerBegan) {
  const std::vector history{user("msg_1", "one"), user("msg_2", "waits"), user("msg_3", "steers"),
                            step("msg_4", "msg_1", {TextPart{.text = "first"}}),
                            step("msg_5", "msg_3", {TextPart{.text = "third"}})};
  EXPECT_EQ(summary(chat_messages(history, {"msg_3"}, {}, {{"msg_2"}})), "U:one A:first U:steers A:third ");
  EXPECT_EQ(summary(chat_messages(history, {"msg_2"})), "U:one A:first U:steers A:third U:waits ");
}

TEST(Context, StepsThatSaidNothingAreLeftOut) {
  const std::vector history{user("msg_1", "one"), step("msg_2", "msg_1", {ReasoningPart{.text = "hm"}})};
  EXPECT_EQ(summary(chat_messages(history, {"msg_1"})), "U:one ");
}

TEST(Context, TextAttachmentsAreShownAsText) {
  MessageWithParts prompt = user("msg_1", "see");
  prompt.parts.push_back(
      {.content = FilePart{.mime = "text/plain", .filename = "a.txt", .url = "data:text/plain;base64,aGkK"}});
  EXPECT_EQ(summary(chat_messages(std::vector{prompt}, {"msg_1"})), "U:seeAttached file a.txt:\nhi\n ");
}

TEST(Context, IgnoredTextIsNotSent) {
  MessageWithParts prompt = user("msg_1", "a");
  prompt.parts.push_back({.content = TextPart{.text = "b", .ignored = true}});
  EXPECT_EQ(summary(chat_messages(std::vector{prompt}, {"msg_1"})), "U:a ");
}

TEST(DataUrl, DecodesBase64AndPercent) {
  EXPECT_EQ(data_url_bytes("data:text/plain;base64,aGVsbG8="), "hello");
  EXPECT_EQ(data_url_bytes("data:,a%20b"), "a b");
  EXPECT_EQ(data_url_bytes("file:///x"), "");
}

}  // namespace
}  // namespace quarterdeck::session
