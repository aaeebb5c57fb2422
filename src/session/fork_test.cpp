#include "session/fork.hpp"

#include <gtest/gtest.h>

#include "session/state.hpp"
#include "session/task_record.hpp"

namespace quarterdeck::session {
namespace {

using namespace domain;

TEST(ForkTitle, CountsForksOfForks) {
  EXPECT_EQ(fork_title("Fix it"), "Fix it (fork #1)");
  EXPECT_EQ(fork_title("Fix it (fork #1)"), "Fix it (fork #2)");
  EXPECT_EQ(fork_title("Fix it (fork #x)"), "Fix it (fork #x) (fork #1)");
  EXPECT_EQ(fork_title(""), " (fork #1)");
}

class ForkTest : public ::testing::Test {
 protected:
  ForkTest() {
    original_ = new_session({.directory = "/p", .title = "T", .permission = Ruleset{{"bash", "*", Action::deny}}},
                            {.id = "global"}, "sub", ids_, 1, "1");
    add(UserMessage{.id = {"msg_1"}, .session_id = original_.id}, {TextPart{.text = "hello"}});
    add(AssistantMessage{.id = {"msg_2"},
                         .session_id = original_.id,
                         .parent_id = {"msg_1"},
                         .completed = 5,
                         .cost = 0.5,
                         .tokens = {.input = 3}},
        {TextPart{.text = "hi", .time = Span{1, 2}}});
    add(UserMessage{.id = {"msg_3"}, .session_id = original_.id}, {TextPart{.text = "again"}});
    add(AssistantMessage{.id = {"msg_4"}, .session_id = original_.id, .parent_id = {"msg_3"}},
        {ToolPart{.call_id = "c", .tool = "bash", .state = ToolRunning{.input = {"{}"}, .start = 7}}});
  }
  void add(Message info, std::vector<PartContent> contents) {
    MessageWithParts message{.info = std::move(info)};
    for (auto& content : contents)
      message.parts.push_back({ids_.part(), original_.id, id_of(message.info), std::move(content)});
    history_.push_back(std::move(message));
  }

  FakeClock clock_;
  IdSource ids_{clock_, system_random()};
  Session original_;
  std::vector<MessageWithParts> history_;
};

TEST_F(ForkTest, LeavesTheTaskWithWhoWorksOnIt) {
  const TaskRecord record{.steps = 3, .background = BackgroundTask{{"ses_parent"}, {"msg_1"}, "look", {}}};
  original_.metadata = with_task_record(JsonText{R"({"mine":1})"}, record);
  const Fork made = fork(original_, history_, {}, ids_, 9, "2");
  EXPECT_EQ(task_record(made.session.metadata), TaskRecord{});
  EXPECT_TRUE(made.session.metadata->text.contains("\"mine\":1"));
}

TEST_F(ForkTest, CopiesWhatWasSaidBeforeUnderNewIds) {
  const Fork made = fork(original_, history_, MessageId{"msg_3"}, ids_, 9, "2");
  EXPECT_EQ(made.session.title, "T (fork #1)");
  EXPECT_EQ(made.session.directory, "/p");
  EXPECT_EQ(made.session.path, "sub");
  EXPECT_EQ(made.session.permission, original_.permission);
  EXPECT_EQ(made.session.cost, 0.5);
  EXPECT_EQ(made.session.tokens.input, 3);
  ASSERT_EQ(made.events.size(), 4u);
  const auto& asked = std::get<UserMessage>(std::get<MessageUpdated>(made.events[0]).info);
  const auto& answer = std::get<AssistantMessage>(std::get<MessageUpdated>(made.events[2]).info);
  EXPECT_NE(asked.id, MessageId{"msg_1"});
  EXPECT_EQ(asked.session_id, made.session.id);
  EXPECT_EQ(answer.parent_id, asked.id);
  EXPECT_LT(asked.id, answer.id);
  const Part& part = std::get<PartUpdated>(made.events[3]).part;
  EXPECT_EQ(part.message_id, answer.id);
  EXPECT_EQ(std::get<TextPart>(part.content).text, "hi");
}

TEST_F(ForkTest, NothingRunsInTheCopy) {
  const Fork made = fork(original_, history_, {}, ids_, 9, "2");
  ASSERT_EQ(made.events.size(), 8u);
  const auto& answer = std::get<AssistantMessage>(std::get<MessageUpdated>(made.events[6]).info);
  EXPECT_EQ(answer.completed, 9);
  EXPECT_EQ(answer.error->name, "MessageAbortedError");
  const auto& call = std::get<ToolPart>(std::get<PartUpdated>(made.events[7]).part.content);
  EXPECT_EQ(std::get<ToolError>(call.state).start, 7);
}

}  // namespace
}  // namespace quarterdeck::session
