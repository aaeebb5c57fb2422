#include "store/search.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "store/sqlite/search_words.hpp"
#include "wire/event.hpp"

namespace quarterdeck::store {
namespace {

using namespace domain;
using sqlite::match_expression;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SearchWords, AreAllWantedAndTheirOperatorsAreOurs) {
  EXPECT_EQ(*match_expression("fix test"), R"("fix" AND "test")");
  EXPECT_EQ(*match_expression("\"flaky test\" ref* -old -\"not this\""),
            R"x(("flaky test" AND "ref*"*) NOT ("old" OR "not this"))x");
  EXPECT_EQ(*match_expression("NEAR(a b) OR text:x"), R"x("NEAR(a" AND "b)" AND "OR" AND "text:x")x");
  EXPECT_EQ(match_expression("").error().code, ErrorCode::invalid);
  EXPECT_EQ(match_expression("-only -without").error().code, ErrorCode::invalid);
  EXPECT_EQ(match_expression("*** \"\" ---").error().code, ErrorCode::invalid);
  EXPECT_EQ(match_expression(std::string(5'000, 'a')).error().code, ErrorCode::invalid);
}

TEST(SearchWords, CharactersOfScriptsWithoutSpacesAreWords) {
  EXPECT_EQ(sqlite::unspaced(sqlite::spaced("データを移行 abc é")), "データを移行 abc é");
  EXPECT_EQ(sqlite::spaced("移行x"), "移\u200b行\u200bx");
}

class SearchIndexTest : public testing::Test {
 protected:
  SearchIndexTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "qd-search-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    open();
  }
  ~SearchIndexTest() override {
    index_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open(Seq newest = 1'000'000'000) {
    index_.reset();
    auto opened = open_search(directory_, newest);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    index_ = std::move(*opened);
  }
  StoredEvent event(const std::string& session, Event fact, TimeMs time = 0) {
    auto encoded = wire::encode_event(SessionId{session}, fact);
    ++seq_;
    return {.seq = seq_,
            .time = time ? time : seq_,
            .type = encoded.type,
            .properties = std::make_shared<const std::string>(std::move(encoded.properties)),
            .session = SessionId{session},
            .directory = "/d",
            .project_id = "proj"};
  }
  StoredEvent said(const std::string& session, const std::string& part, const std::string& text, bool agent = false) {
    TextPart content{.text = text};
    if (agent) content.time = Span{1, 2};
    return event(session, PartUpdated{.part = {.id = PartId{part},
                                               .session_id = SessionId{session},
                                               .message_id = MessageId{"msg_" + part.substr(4)},
                                               .content = content}});
  }
  void apply(const std::vector<StoredEvent>& events) {
    const auto done = index_->apply(events, seq_);
    ASSERT_TRUE(done.has_value()) << done.error().message;
  }
  std::vector<std::string> parts(SearchQuery query) {
    const auto page = index_->find(query);
    if (!page) {
      ADD_FAILURE() << page.error().message;
      return {};
    }
    std::vector<std::string> out;
    for (const auto& hit : page->hits) out.push_back(hit.part.empty() ? hit.session.value : hit.part);
    return out;
  }

  std::filesystem::path directory_;
  std::unique_ptr<SearchIndex> index_;
  Seq seq_ = 0;
};

TEST_F(SearchIndexTest, FindsWhatWasAskedAnsweredAndRun) {
  Session session{.id = SessionId{"ses_a"}, .title = "Checkout is flaky"};
  ToolPart call{.call_id = "c", .tool = "bash"};
  call.state = ToolCompleted{.input = {R"({"command":"git commit -m x"})"},
                             .output = "[main 1a2b3c4d] Mend the basket\n 1 file changed"};
  apply({event("ses_a", SessionCreated{session}), said("ses_a", "prt_p1", "Please mend the café"),
         said("ses_a", "prt_p2", "The Zebra was at fault", true),
         event("ses_a", PartUpdated{.part = {.id = PartId{"prt_p3"},
                                             .session_id = SessionId{"ses_a"},
                                             .message_id = MessageId{"msg_m"},
                                             .content = call}})});
  EXPECT_THAT(parts({.words = "flaky"}), ElementsAre("ses_a"));
  EXPECT_THAT(parts({.words = "CAFE"}), ElementsAre("prt_p1"));
  EXPECT_THAT(parts({.words = "zeb*"}), ElementsAre("prt_p2"));
  EXPECT_THAT(parts({.words = "mend", .kinds = {"commit"}}), ElementsAre("prt_p3"));
  EXPECT_THAT(parts({.words = "mend -café"}), ElementsAre("prt_p3", "prt_p3"));
  EXPECT_THAT(parts({.words = "\"fault the\""}), IsEmpty());
  const auto page = index_->find({.words = "zebra"});
  ASSERT_EQ(page->hits.size(), 1u);
  EXPECT_EQ(page->hits[0].kind, "answer");
  EXPECT_EQ(page->hits[0].snippet, "The Zebra was at fault");
  EXPECT_THAT(page->hits[0].matches, ElementsAre(std::pair<std::int64_t, std::int64_t>{4, 5}));
}

TEST_F(SearchIndexTest, NewStatesReplaceOldOnesAndTheDeletedAreGone) {
  Session session{.id = SessionId{"ses_a"}, .title = "Before"};
  apply({event("ses_a", SessionCreated{session}), said("ses_a", "prt_p1", "first words"),
         said("ses_b", "prt_p2", "other words")});
  session.title = "After";
  apply({event("ses_a", SessionUpdated{session}), said("ses_a", "prt_p1", "second words")});
  EXPECT_THAT(parts({.words = "Before"}), IsEmpty());
  EXPECT_THAT(parts({.words = "After"}), ElementsAre("ses_a"));
  EXPECT_THAT(parts({.words = "first"}), IsEmpty());
  apply({event("ses_a", MessageRemoved{MessageId{"msg_p1"}})});
  EXPECT_THAT(parts({.words = "words"}), ElementsAre("prt_p2"));
  apply({event("ses_b", SessionDeleted{Session{.id = SessionId{"ses_b"}}})});
  EXPECT_THAT(parts({.words = "words"}), IsEmpty());
  EXPECT_EQ(index_->size()->documents, 1);
}

TEST_F(SearchIndexTest, GoesOnWhereItWasAndIsMadeAnewWhenItCannotBe) {
  apply({said("ses_a", "prt_p1", "kept")});
  open();
  EXPECT_EQ(*index_->cursor(), 1);
  EXPECT_THAT(parts({.words = "kept"}), ElementsAre("prt_p1"));
  open(0);  // the database is older: it was restored
  EXPECT_EQ(*index_->cursor(), 0);
  EXPECT_THAT(parts({.words = "kept"}), IsEmpty());
  index_.reset();
  std::ofstream(directory_ / "search.db", std::ios::trunc) << std::string(8192, 'x');
  open();
  EXPECT_EQ(*index_->cursor(), 0);
  const auto mode = std::filesystem::status(directory_ / "search.db").permissions();
  EXPECT_EQ(mode & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SearchIndexTest, ScriptsWithoutSpacesAreFoundInTheMiddle) {
  apply({said("ses_a", "prt_p1", "データベースを移行する"), said("ses_a", "prt_p2", "🦊 смотри сюда")});
  EXPECT_THAT(parts({.words = "移行"}), ElementsAre("prt_p1"));
  EXPECT_THAT(parts({.words = "行移"}), IsEmpty());
  EXPECT_THAT(parts({.words = "СМОТРИ"}), ElementsAre("prt_p2"));
  EXPECT_EQ(index_->find({.words = "移行"})->hits[0].snippet, "データベースを移行する");
}

TEST_F(SearchIndexTest, PagesDoNotMoveWhileMoreIsIndexed) {
  std::vector<StoredEvent> events;
  for (int i = 0; i < 25; ++i) events.push_back(said("ses_a", fmt::format("prt_p{:02}", i), "needle in hay"));
  apply(events);
  SearchQuery query{.words = "needle", .newest_first = true, .limit = 10};
  const auto first = index_->find(query);
  ASSERT_TRUE(first->more);
  apply({said("ses_a", "prt_later", "needle")});
  query.row_max = first->row_max;
  query.offset = 10;
  EXPECT_EQ(parts(query).front(), "prt_p14");
  query.offset = 20;
  EXPECT_EQ(parts(query).size(), 5u);
  EXPECT_FALSE(index_->find(query)->more);
}

TEST_F(SearchIndexTest, NothingThatIsTypedIsAnErrorOfSql) {
  apply({said("ses_a", "prt_p1", "some text ' \" ( ) * : ^ - + NEAR AND OR NOT")});
  std::mt19937 random(7);
  const std::string alphabet = "ab \"*-+:^(){}'%;,.\\/NEAROT\n\t\x01\xc3\xa9\xff";
  for (int i = 0; i < 3'000; ++i) {
    std::string typed;
    for (auto n = random() % 24; n > 0; --n) typed += alphabet[random() % alphabet.size()];
    const auto page = index_->find({.words = typed});
    if (!page) EXPECT_EQ(page.error().code, ErrorCode::invalid) << typed << ": " << page.error().message;
  }
  EXPECT_EQ(index_->find({.words = std::string("a\0b", 3)}).has_value(), true);
}

}  // namespace
}  // namespace quarterdeck::store
