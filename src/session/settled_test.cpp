// What the model is shown does not depend on what was settled before, whatever happens to the history in between.
#include "session/settled.hpp"

#include <gtest/gtest.h>

#include <random>

#include "session/context.hpp"

namespace quarterdeck::session {
namespace {

using namespace domain;

// A conversation as its events tell it, with everything that may come in between.
class Life {
 public:
  explicit Life(unsigned seed) : dice_(seed) {}

  int roll(int sides) { return static_cast<int>(dice_() % static_cast<unsigned>(sides)); }

  void go_on() {
    switch (roll(60)) {
      case 0: return compact();
      case 1: return edit();
      case 2: return remove();
      case 3: return ask();  // the one before waits, or was never answered
      case 4: return answer(older());
      default: break;
    }
    if (roll(3) == 0) return ask();
    answer(prompts_.empty() ? MessageId{"msg_none"} : prompts_.back());
  }
  MessageId current() { return roll(20) == 0 ? older() : prompts_.back(); }
  std::deque<MessageId> waiting() {
    if (roll(4) != 0) return {};
    return {older()};
  }
  bool begun() const { return !prompts_.empty(); }
  const History& history() const { return history_; }

  // The same, told at once, behind an answer to nothing: that settles nothing.
  History unsettled() const {
    std::vector<MessageWithParts> messages;
    for (const HistoryMessage& message : history_.messages()) messages.push_back(message.message());
    messages.push_back({AssistantMessage{.id = {"msg_z"}, .parent_id = {"msg_nobody"}, .created = 1'000'000'000}, {}});
    return History(std::move(messages));
  }

 private:
  MessageId next() { return {fmt::format("msg_{:06}", ++ids_)}; }
  TimeMs now() { return (time_ += 10) - (roll(30) == 0 ? 35 : 0); }  // some clocks are behind
  MessageId older() { return prompts_.empty() ? MessageId{"msg_none"} : prompts_[prompts_.size() - 1 - roll_back()]; }
  std::size_t roll_back() {
    return static_cast<std::size_t>(roll(static_cast<int>(std::min<std::size_t>(prompts_.size(), 6))));
  }

  void say(const MessageId& message, PartContent content) {
    history_.apply(PartUpdated{
        {.id = {fmt::format("prt_{:06}", ++ids_)}, .message_id = message, .content = std::move(content)}, time_});
    said_.push_back(message);
  }
  void ask() {
    prompts_.push_back(next());
    history_.apply(MessageUpdated{UserMessage{.id = prompts_.back(), .created = now()}});
    say(prompts_.back(), TextPart{.text = fmt::format("prompt {}", ids_)});
  }
  void answer(const MessageId& prompt, bool summary = false) {
    AssistantMessage step{.id = next(), .parent_id = prompt, .created = now()};
    if (summary) step.summary = true;
    history_.apply(MessageUpdated{step});
    say(step.id, TextPart{.text = fmt::format("answer {}", ids_)});
    if (roll(4) == 0) {
      say(step.id,
          ToolPart{.call_id = fmt::format("call_{}", ids_), .tool = "bash", .state = ToolCompleted{.output = "x"}});
    }
    if (roll(40) == 0) return;  // was cut off
    step.completed = step.created;
    step.finish = "stop";
    history_.apply(MessageUpdated{step});
  }
  void compact() {
    prompts_.push_back(next());
    history_.apply(MessageUpdated{UserMessage{.id = prompts_.back(), .created = now()}});
    say(prompts_.back(), CompactionPart{.automatic = true});
    if (roll(3) == 0) ask();  // waits meanwhile
    answer(prompts_.back(), true);
  }
  void edit() {
    if (said_.empty()) return;
    say(said_[static_cast<std::size_t>(roll(static_cast<int>(said_.size())))], TextPart{.text = "edited"});
  }
  void remove() {
    if (said_.empty()) return;
    history_.apply(MessageRemoved{said_[static_cast<std::size_t>(roll(static_cast<int>(said_.size())))]});
  }

  std::minstd_rand dice_;
  History history_;
  std::vector<MessageId> prompts_, said_;
  TimeMs time_ = 1000;
  int ids_ = 0;
};

TEST(Settled, ShowsTheModelWhatTheWholeHistoryWould) {
  std::size_t settled = 0;
  for (unsigned seed = 1; seed <= 5; ++seed) {
    Life life(seed);
    for (int i = 0; i < 500; ++i) {
      life.go_on();
      if (!life.begun() || life.roll(3) != 0) continue;
      const MessageId current = life.current();
      const std::deque<MessageId> waiting = life.waiting();
      const auto shown = chat_messages(life.history(), current, {}, waiting);
      ASSERT_EQ(shown, chat_messages(life.unsettled(), current, {}, waiting)) << "seed " << seed << ", after " << i;
      settled += shown.past().size();
    }
  }
  EXPECT_GT(settled, 0U) << "or nothing was tried";
}

TEST(Settled, ALaterRequestSharesThePiecesOfAnEarlierOne) {
  std::vector<MessageWithParts> messages;
  for (int i = 0; i < 200; i += 2) {
    const MessageId prompt{fmt::format("msg_{:03}", i)};
    messages.push_back({UserMessage{.id = prompt, .created = i}, {{.content = TextPart{.text = "go"}}}});
    messages.push_back(
        {AssistantMessage{
             .id = {fmt::format("msg_{:03}", i + 1)}, .parent_id = prompt, .created = i + 1, .completed = i + 1},
         {{.content = TextPart{.text = "done"}}}});
  }
  History history(std::move(messages));
  history.apply(MessageUpdated{UserMessage{.id = {"msg_500"}, .created = 500}});
  const auto first = chat_messages(history, {"msg_500"});
  history.apply(MessageUpdated{UserMessage{.id = {"msg_501"}, .created = 501}});
  const auto second = chat_messages(history, {"msg_501"});
  ASSERT_GT(first.past().size(), 3U);
  EXPECT_EQ(first.past(), second.past());
  EXPECT_EQ(history.answers_from({"msg_501"}), 192U);

  history.apply(PartUpdated{{.id = {"prt_1"}, .message_id = {"msg_100"}, .content = TextPart{.text = "new"}}, 502});
  const auto third = chat_messages(history, {"msg_501"});
  EXPECT_EQ(third.past()[2], second.past()[2]) << "what was said before the change";
  EXPECT_NE(third.past()[3], second.past()[3]);
}

}  // namespace
}  // namespace quarterdeck::session
