#include "access/audit.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/testing/temp_dir.hpp"

namespace quarterdeck::access {
namespace {

using quarterdeck::testing::TempDir;

class Audit : public ::testing::Test {
 protected:
  Places places() const {
    return {.home = dir_.path(), .data = dir_.path() / "data", .config = {}, .opencode_config = {}};
  }
  void did(std::string operation, std::string who = "anna") {
    ASSERT_TRUE(record(places(), {.at = ++now_,
                                  .who = std::move(who),
                                  .role = "admin",
                                  .operation = std::move(operation),
                                  .route = "POST /x",
                                  .status = 200,
                                  .session = "ses_1",
                                  .after = R"({"title":"new"})"}));
  }
  std::filesystem::path file() const { return places().data / "access" / "audit.jsonl"; }
  std::string text() const { return *read_file(file()); }
  void write(const std::string& text) { std::ofstream(file(), std::ios::trunc) << text; }
  std::string problem() const { return verify_audit(places())->problem; }

  TempDir dir_;
  TimeMs now_ = 0;
};

TEST_F(Audit, AChainOfRowsHoldsUntilOneIsChanged) {
  for (int i = 0; i < 5; ++i) did("session.delete");
  const auto state = verify_audit(places());
  ASSERT_TRUE(state);
  EXPECT_EQ(state->problem, "");
  EXPECT_EQ(state->rows, 5);
  const std::string good = text();

  std::string changed = good;
  changed.replace(changed.find("anna", changed.find("\"seq\":3")), 4, "bert");
  write(changed);
  EXPECT_EQ(problem(), "row 3 was changed");

  // Taken out, with everything after it as it was.
  std::string shorter = good;
  const std::size_t second = shorter.find('\n') + 1;
  shorter.erase(second, shorter.find('\n', second) + 1 - second);
  write(shorter);
  EXPECT_EQ(problem(), "row 3 comes after row 1");

  write(good + "{}\n");
  EXPECT_EQ(problem(), "line 6 is no row of the audit, after row 5");
  write(good);
  EXPECT_EQ(problem(), "");
}

TEST_F(Audit, IsReadNewestFirstByWhoWhatAndWhen) {
  did("session.delete");
  did("token.create", "bert");
  did("token.revoke");
  const auto all = read_audit(places(), {.limit = 2});
  ASSERT_EQ(all->size(), 2u);
  EXPECT_TRUE(all->front().starts_with("{\"seq\":3,"));
  EXPECT_TRUE(all->back().starts_with("{\"seq\":2,"));
  EXPECT_EQ(read_audit(places(), {.who = "bert"})->size(), 1u);
  EXPECT_EQ(read_audit(places(), {.operation = "token."})->size(), 2u);
  EXPECT_EQ(read_audit(places(), {.before = 2})->size(), 1u);
  EXPECT_EQ(read_audit(places(), {.since = 2, .until = 3})->size(), 1u);
  EXPECT_EQ(read_audit(places(), {.session = "ses_2"})->size(), 0u);
}

TEST_F(Audit, GoesOnAfterALineThatWasCutAndSaysWhereItIs) {
  did("a");
  did("b");
  write(text() + "{\"seq\":3,\"at\":");
  did("c");
  EXPECT_EQ(problem(), "line 3 is no row of the audit, after row 2");
  EXPECT_EQ(read_audit(places(), {.operation = "c"})->size(), 1u);
}

TEST_F(Audit, TheChainGoesOnInTheNextFile) {
  did("a");
  did("b");
  std::filesystem::rename(file(), places().data / "access" / "audit.1.jsonl");
  did("c");
  const auto state = verify_audit(places());
  EXPECT_EQ(state->problem, "");
  EXPECT_EQ(state->rows, 3);
  EXPECT_EQ(state->last, 3);
}

TEST_F(Audit, HasNoRowsBeforeTheFirst) {
  EXPECT_EQ(verify_audit(places())->rows, 0);
  EXPECT_TRUE(read_audit(places(), {})->empty());
}

}  // namespace
}  // namespace quarterdeck::access
