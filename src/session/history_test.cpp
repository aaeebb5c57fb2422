// The history in memory against the real store: whatever is committed, both say the same.
#include "session/history_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/testing/test_loop.hpp"
#include "store/open.hpp"
#include "store/testing/samples.hpp"

namespace quarterdeck::session {
namespace {

using namespace domain;
using namespace store::testing;
using ::testing::SizeIs;

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    auto opened = store::open_sqlite(loop_, clock_, system_random(), {.directory = dir_.path() / "data"});
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
    cache_ = make({});
  }

  // Commits, and tells the cache, like a journal.
  void commit(const std::string& id, std::vector<Event> events) {
    const auto stored = loop_.run_until(store_->events().append(batch(id, events)));
    ASSERT_TRUE(stored) << stored.error().message;
    for (const Event& event : events) cache_->apply({id}, event);
  }
  void converse(const std::string& id, int turns, const std::string& text = "text") {
    commit(id, {SessionCreated{store::testing::session(id)}});
    for (int i = 0; i < turns; ++i) {
      const std::string message = fmt::format("msg_{}_{:03}", id, i);
      commit(id, {MessageUpdated{user(id, message, i)},
                  PartUpdated{text_part(id, message, fmt::format("prt_{:03}", i), text)}});
    }
  }
  std::vector<MessageWithParts> cached(const std::string& id) {
    std::vector<MessageWithParts> out;
    const auto history = loop_.run_until(cache_->of({id}));
    for (const HistoryMessage& message : (*history)->messages()) out.push_back(message.message());
    return out;
  }
  std::vector<MessageWithParts> stored(const std::string& id) { return *store_->query().history({id}); }

  TempDir dir_;
  quarterdeck::testing::TestLoop loop_;
  FakeClock clock_;
  std::unique_ptr<BlockingPool> pool_ = make_blocking_pool(1);
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<HistoryCache> cache_;

  std::unique_ptr<HistoryCache> make(HistoryCacheOptions options) {
    return std::make_unique<HistoryCache>(loop_, *pool_, store_->query(), options);
  }
};

// Few ids, so that the same things change, vanish and come back.
std::vector<Event> any_events(std::minstd_rand& dice, const std::vector<MessageWithParts>& now) {
  const auto roll = [&](int sides) { return static_cast<int>(dice() % static_cast<unsigned>(sides)); };
  const std::string message = fmt::format("msg_{}", roll(6));
  const auto known = std::ranges::find_if(now, [&](const auto& m) { return id_of(m.info).value == message; });
  if (known == now.end() || roll(8) == 0) {
    if (roll(2) == 0) return {MessageUpdated{user("ses_1", message, roll(4))}};
    return {MessageUpdated{assistant("ses_1", message, roll(4))}};
  }
  const std::string part = fmt::format("prt_{}", roll(5));
  const bool there = std::ranges::find(known->parts, PartId{part}, &Part::id) != known->parts.end();
  switch (roll(6)) {
    case 0: return {MessageRemoved{{message}}};
    case 1:
      if (there) return {PartRemoved{{message}, {part}}};
      break;
    case 2:
      if (there) return {PartAppended{{message}, {part}, " more"}};
      break;
    case 3: return {PartUpdated{tool_part("ses_1", message, part, ToolCompleted{.output = "done"})}};
    case 4: return {SessionUpdated{store::testing::session("ses_1", roll(9))}, SessionFailed{{.name = "UnknownError"}}};
    default: break;
  }
  return {PartUpdated{text_part("ses_1", message, part, fmt::format("text {}", roll(100)))}};
}

TEST_F(HistoryTest, EqualsTheStoresAfterWhateverEvents) {
  commit("ses_1", {SessionCreated{store::testing::session("ses_1")}});
  std::minstd_rand dice(7);
  for (int i = 0; i < 400; ++i) {
    commit("ses_1", any_events(dice, cached("ses_1")));
    ASSERT_EQ(cached("ses_1"), stored("ses_1")) << "after event " << i;
  }
  EXPECT_EQ(cache_->size(), 1U);
}

TEST_F(HistoryTest, CountsItsBytesHoweverItChanges) {
  commit("ses_1", {SessionCreated{store::testing::session("ses_1")}});
  std::minstd_rand dice(11);
  for (int i = 0; i < 200; ++i) commit("ses_1", any_events(dice, cached("ses_1")));
  const History fresh(stored("ses_1"));
  EXPECT_EQ((*loop_.run_until(cache_->of({"ses_1"})))->bytes(), fresh.bytes());
  EXPECT_EQ(cache_->bytes(), fresh.bytes());
}

TEST_F(HistoryTest, WhatIsSaidFollowsAChange) {
  converse("ses_1", 2);
  const auto said = [&] { return (*loop_.run_until(cache_->of({"ses_1"})))->messages().front().said(); };
  const auto before = said();
  ASSERT_THAT(before, SizeIs(1));
  EXPECT_EQ(said().front(), before.front()) << "rendered once";
  commit("ses_1", {PartUpdated{text_part("ses_1", "msg_ses_1_000", "prt_000", "other")}});
  EXPECT_EQ(*said().front(), (llm::ChatMessage{.content = {llm::TextContent{"other"}}}));
  EXPECT_EQ(*before.front(), (llm::ChatMessage{.content = {llm::TextContent{"text"}}})) << "a request keeps its own";
}

TEST_F(HistoryTest, MissesNothingThatIsCommittedWhileItIsRead) {
  converse("ses_1", 3);
  // Both are under way at once: the read may see the new message or not.
  for (int i = 0; i < 20; ++i) {
    cache_ = make({});
    auto reading = cache_->of({"ses_1"});
    bool done = false;
    TaskGroup group(loop_);
    auto wait = [](Task<Result<const History*>> task, bool& flag) -> Task<void> {
      [[maybe_unused]] const auto history = co_await std::move(task);
      flag = true;
    };
    group.spawn(wait(std::move(reading), done));
    commit("ses_1", {MessageUpdated{user("ses_1", fmt::format("msg_{}", i), 100 + i)}});
    loop_.run_while([&] { return !done; });
    loop_.run_until(group.join());
    EXPECT_EQ(cached("ses_1"), stored("ses_1"));
  }
}

TEST_F(HistoryTest, TheLeastRecentlyUsedGoWhenAllAreTooBig) {
  const std::string text(10'000, 'x');
  cache_ = make({.bytes_max = 150'000});
  for (const char* id : {"ses_1", "ses_2", "ses_3"}) {
    converse(id, 2, text);
    EXPECT_EQ(cached(id), stored(id));
  }
  EXPECT_EQ(cache_->size(), 2U);
  EXPECT_LE(cache_->bytes(), 150'000U);
  EXPECT_EQ(cached("ses_1"), stored("ses_1")) << "read again";
}

TEST_F(HistoryTest, OneThatIsBiggerThanAllowedStaysAlone) {
  cache_ = make({.bytes_max = 1000});
  converse("ses_1", 3);
  converse("ses_2", 3);
  EXPECT_EQ(cached("ses_1"), stored("ses_1"));
  EXPECT_EQ(cached("ses_2"), stored("ses_2"));
  EXPECT_EQ(cache_->size(), 1U);
}

TEST_F(HistoryTest, WhatNobodyAsksForGoes) {
  cache_ = make({.idle_ms = 1});
  converse("ses_1", 1);
  cached("ses_1");
  loop_.run_while([&] { return cache_->size() > 0; });
  EXPECT_EQ(cache_->bytes(), 0U);
}

TEST_F(HistoryTest, ADeletedSessionIsForgotten) {
  converse("ses_1", 1);
  cached("ses_1");
  commit("ses_1", {SessionDeleted{store::testing::session("ses_1")}});
  EXPECT_EQ(cache_->size(), 0U);
  const auto gone = loop_.run_until(cache_->of({"ses_1"}));
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace quarterdeck::session
