// Schema steps: a copy first, then all or nothing, at whatever moment the process is killed; and data of every version
// that was ever written can be read.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "base/paths.hpp"
#include "base/testing/test_loop.hpp"
#include "store/maintenance.hpp"
#include "store/open.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/recording_vfs.hpp"
#include "store/testing/samples.hpp"

namespace quarterdeck::store::sqlite {
namespace {

using namespace quarterdeck::store::testing;
using namespace quarterdeck::domain;
using quarterdeck::testing::TestLoop;
namespace fs = std::filesystem;

constexpr int kParts = 300;

// The steps of today and one more, of the hard kind: a new column, a rebuilt table, and every stored body rewritten.
void lift_bodies(Connection& sql) {
  std::vector<std::int64_t> keys;
  for (Rows rows = sql.rows("SELECT key FROM part ORDER BY key"); rows.next();) keys.push_back(rows.integer(0));
  for (const std::int64_t key : keys) {
    sql.run("UPDATE part SET body = json_set(body, '$.lifted', 1), lifted = 1 WHERE key = ?", key);
    failpoint::reach("store.migration.row");
  }
}
std::vector<Step> tomorrow() {
  std::vector<Step> steps(schema_steps().begin(), schema_steps().end());
  steps.push_back({"lift parts",
                   "ALTER TABLE part ADD COLUMN lifted INTEGER;"
                   "CREATE TABLE todo_new (session INTEGER PRIMARY KEY REFERENCES session (key), seq INTEGER NOT NULL,"
                   " body TEXT NOT NULL, extra TEXT);"
                   "INSERT INTO todo_new SELECT session, seq, body, 'x' FROM todo;"
                   "DROP TABLE todo; ALTER TABLE todo_new RENAME TO todo;",
                   &lift_bodies});
  return steps;
}

void make_database(const fs::path& directory) {
  TestLoop loop;
  auto store = open_sqlite(loop, system_clock(), system_random(),
                           {.directory = directory, .reserve_bytes_max = 0, .check_after_ms = -1});
  ASSERT_TRUE(store) << store.error().message;
  std::vector<Event> list{SessionCreated{session("ses_1")}, MessageUpdated{user("ses_1", "msg_1")},
                          TodoUpdated{{{"a", "pending", "high"}}}};
  for (int i = 0; i < kParts; ++i) {
    list.push_back(PartUpdated{text_part("ses_1", "msg_1", fmt::format("prt_{:03}", i), std::string(1'000, 'x')), 1});
  }
  ASSERT_TRUE(loop.run_until((*store)->events().append(batch("ses_1", std::move(list)))));
}

Result<> migrate_file(const fs::path& directory, std::span<const Step> steps) {
  TRY(auto sql, Connection::open({directory / "quarterdeck.db", ""}, Access::read_write));
  return migrate(*sql, {.backups = directory / "backups", .steps = steps});
}

// Runs the update in a child that is killed by `arm`; says whether it was.
template <class Arm>
bool killed_while_migrating(const fs::path& directory, Arm arm) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(STDERR_FILENO);
    const auto steps = tomorrow();
    arm([&] { (void)migrate_file(directory, steps); });
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

// The version of yesterday opens what was not updated, the one of tomorrow opens both.
void expect_old_or_new(const fs::path& directory, const std::string& where) {
  const auto steps = tomorrow();
  std::int64_t version = 0;
  {
    auto sql = Connection::open({directory / "quarterdeck.db", ""}, Access::read_write);
    ASSERT_TRUE(sql) << where << ": " << sql.error().message;
    version = (*sql)->integer("PRAGMA user_version").value_or(0);
    const auto lifted_rows = [&] { return (*sql)->integer("SELECT count(*) FROM part WHERE body LIKE '%lifted%'"); };
    if (version == std::ssize(schema_steps())) {
      EXPECT_EQ(lifted_rows(), 0) << where;
    } else {
      ASSERT_EQ(version, std::ssize(steps)) << where;
      EXPECT_EQ(lifted_rows(), kParts) << where;
    }
    EXPECT_EQ((*sql)->integer("SELECT count(*) FROM part"), kParts) << where;
    EXPECT_EQ((*sql)->integer("SELECT count(*) FROM todo"), 1) << where;
  }
  if (version == std::ssize(schema_steps())) {
    const auto verified = verify(directory / "quarterdeck.db", Depth::full, {});
    ASSERT_TRUE(verified) << where << ": " << verified.error().message;
    EXPECT_EQ(verified->problems, std::vector<std::string>()) << where;
  }
  const auto again = migrate_file(directory, steps);
  EXPECT_TRUE(again) << where << ": " << again.error().message;
}

TEST(Migrations, KilledAtAHundredPointsLeaveTheOldVersionOrTheNewOne) {
  if (!failpoint::kCompiled) GTEST_SKIP() << "built without QD_FAILPOINTS";
  const TempDir original;
  make_database(original.path());
  int points = 0;
  const auto kill_and_look = [&](const std::string& where, auto arm) {
    const TempDir dir;
    fs::copy(original.path(), dir.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    const bool killed = killed_while_migrating(dir.path(), arm);
    points += killed;
    expect_old_or_new(dir.path(), where);
    return killed;
  };
  const auto at_failpoint = [&](const std::string& specification) {
    const bool killed = kill_and_look(specification, [&](const auto& update) {
      (void)failpoint::arm(specification + ":kill");
      update();
    });
    EXPECT_TRUE(killed) << specification << " was not reached";
  };
  for (const auto* name :
       {"store.migration.backup.begun", "store.backup.begun", "store.backup.synced", "store.backup.renamed",
        "store.migration.backup.copied", "store.migration.backup.done", "store.migration.begin", "store.migration.step",
        "store.migration.commit.before", "store.migration.commit.after"}) {
    at_failpoint(std::string(name) + ":1");
  }
  for (int row = 1; row <= kParts; row += 10) at_failpoint(fmt::format("store.migration.row:{}", row));
  // And at the writes and syncs themselves, from the first to the last.
  for (std::int64_t operation = 1;; operation += 6) {
    const bool killed = kill_and_look(fmt::format("disk operation {}", operation), [&](const auto& update) {
      RecordingVfs vfs;
      vfs.kill_at(operation);
      update();
    });
    if (!killed) break;
  }
  EXPECT_GE(points, 100);
  RecordProperty("points", points);
}

TEST(Migrations, CopyTheDatabaseFirstAndKeepThreeCopies) {
  const TempDir dir;
  make_database(dir.path());
  const auto backups = [&] {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(dir.path() / "backups")) found.push_back(entry.path());
    return found;
  };
  ASSERT_TRUE(migrate_file(dir.path(), tomorrow()));
  ASSERT_EQ(backups().size(), 1u);
  const auto copy = verify(backups().front(), Depth::full, {});
  ASSERT_TRUE(copy) << copy.error().message;
  EXPECT_EQ(copy->schema, std::ssize(schema_steps())) << "the copy is from before the update";
  EXPECT_TRUE(copy->sound());
  EXPECT_EQ(copy->parts, kParts);
  for (const auto* more : {"before-schema-1-a.db", "before-schema-1-b.db", "before-schema-1-c.db"}) {
    write_file_atomically(dir.path() / "backups" / more, "x").value();
  }
  auto steps = tomorrow();
  steps.push_back({"nothing", "", nullptr});
  ASSERT_TRUE(migrate_file(dir.path(), steps));
  EXPECT_EQ(backups().size(), 3u);
}

TEST(Migrations, RefuseADatabaseOfANewerVersionAndNameTheCopyToGoBackTo) {
  const TempDir dir;
  make_database(dir.path());
  ASSERT_TRUE(migrate_file(dir.path(), tomorrow()));
  TestLoop loop;
  const auto refused = open_sqlite(loop, system_clock(), system_random(), {.directory = dir.path()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_NE(refused.error().message.find("newer version"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("quarterdeck restore"), std::string::npos) << refused.error().message;
}

TEST(Migrations, AStepThatFailsChangesNothing) {
  const TempDir dir;
  make_database(dir.path());
  auto steps = tomorrow();
  steps.push_back({"wrong", "CREATE TABLE part (x);", nullptr});
  const auto failed = migrate_file(dir.path(), steps);
  ASSERT_FALSE(failed);
  TestLoop loop;
  auto store = open_sqlite(loop, system_clock(), system_random(), {.directory = dir.path()});
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->query().counts()->parts, kParts);
}

// One event of every kind, for the dumps below.
std::vector<std::vector<Event>> every_kind() {
  PermissionRequest request;
  request.id = {"per_1"};
  request.session_id = {"ses_1"};
  request.permission = "bash";
  request.patterns = {"ls"};
  PermissionRequest answered = request;
  answered.id = {"per_2"};
  QuestionRequest question{.id = {"que_1"}, .session_id = {"ses_1"}, .questions = {{.question = "Q?", .header = "H"}}};
  question.tool = ToolRef{{"msg_2"}, "call_1"};
  QuestionRequest replied = question;
  replied.id = {"que_2"};
  QuestionRequest dismissed = question;
  dismissed.id = {"que_3"};
  Session task = session("ses_4");
  task.metadata = JsonText{R"({"quarterdeck":{"background":{"parent":"ses_1","prompt":"msg_1","description":"d"}}})"};
  Session renamed = session("ses_2");
  renamed.title = "renamed";
  return {{SessionCreated{session("ses_1")},
           MessageUpdated{user("ses_1", "msg_1")},
           PartUpdated{text_part("ses_1", "msg_1", "prt_1", "hello"), 1},
           PromptAdmitted{{"msg_1"}},
           TurnStarted{{"msg_1"}},
           MessageUpdated{assistant("ses_1", "msg_2")},
           PartUpdated{text_part("ses_1", "msg_2", "prt_2", "", Span{1, {}}), 2},
           PartAppended{{"msg_2"}, {"prt_2"}, "streamed "},
           PartUpdated{tool_part("ses_1", "msg_2", "prt_3", ToolRunning{.input = {"{}"}, .start = 3}), 3},
           ToolStarted{{"msg_2"}, {"prt_3"}, 4711},
           TodoUpdated{{{"a", "pending", "high"}}},
           PermissionAsked{request},
           PermissionAsked{answered},
           PermissionReplied{{"per_2"}, Reply::once, {}},
           QuestionAsked{question},
           QuestionAsked{replied},
           QuestionReplied{{"que_2"}, {{"A"}}},
           QuestionAsked{dismissed},
           QuestionRejected{{"que_3"}},
           RulesSaved{{{"rule_1", "bash", "git *"}}},
           RecordPut{.kind = "ref", .key = "a:1", .body = JsonText{R"({"n":1})"}},
           RecordPut{.kind = "ref", .key = "a:1", .open = true, .body = JsonText{R"({"n":2})"}},
           RecordPut{.kind = "ref", .key = "a:2", .body = JsonText{"{}"}},
           RecordPut{.kind = "ref", .key = "a:2"},
           PartUpdated{text_part("ses_1", "msg_1", "prt_9", "gone"), 1},
           PartRemoved{{"msg_1"}, {"prt_9"}},
           MessageUpdated{user("ses_1", "msg_9")},
           MessageRemoved{{"msg_9"}},
           SessionFailed{{.name = "UnknownError", .message = "wrong"}}},
          {SessionCreated{session("ses_2")}, SessionUpdated{renamed}, MessageUpdated{user("ses_2", "msg_1")},
           TurnStarted{{"msg_1"}}, TurnEnded{{"msg_1"}, "completed"}, MessageUpdated{user("ses_2", "msg_2")},
           PromptAdmitted{{"msg_2"}}},
          {SessionCreated{session("ses_3")}, SessionDeleted{session("ses_3")}},
          {SessionCreated{task}}};
}

// QD_GOLDEN_DATABASE=DIR writes the database of which `sqlite3 DIR/quarterdeck.db .dump` (and PRAGMA user_version) is
// the dump of the newest version.
TEST(Migrations, ADatabaseWithEventsOfEveryKindReplays) {
  const TempDir scratch;
  const char* kept = std::getenv("QD_GOLDEN_DATABASE");
  const fs::path directory = kept ? fs::path(kept) : scratch.path();
  {
    TestLoop loop;
    auto store = open_sqlite(loop, system_clock(), system_random(), {.directory = directory, .check_after_ms = -1});
    ASSERT_TRUE(store) << store.error().message;
    for (auto& list : every_kind()) {
      const std::string id = std::get<SessionCreated>(list.front()).info.id.value;
      const auto done = loop.run_until((*store)->events().append(batch(id, std::move(list))));
      ASSERT_TRUE(done) << done.error().message;
    }
  }
  const auto verified = verify(directory / "quarterdeck.db", Depth::full, {});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->problems, std::vector<std::string>());
}

// golden/schema-N.sql is a dump of a database of that version with events of every kind. Never edited.
TEST(Migrations, DatabasesOfEveryVersionOpenAndTheirLogsReplay) {
  for (std::size_t version = 1; version <= schema_steps().size(); ++version) {
    const fs::path golden = fs::path(QD_SOURCE_DIR) / fmt::format("src/store/golden/schema-{}.sql", version);
    const auto dump = read_file(golden);
    ASSERT_TRUE(dump) << "add a dump of the new version: " << dump.error().message;
    const TempDir dir;
    {
      auto sql = Connection::open({dir.path() / "quarterdeck.db", ""}, Access::read_write);
      (*sql)->execute("PRAGMA foreign_keys=OFF");
      (*sql)->execute(*dump);
      ASSERT_EQ((*sql)->integer("PRAGMA user_version"), static_cast<std::int64_t>(version));
    }
    TestLoop loop;
    auto store = open_sqlite(loop, system_clock(), system_random(), {.directory = dir.path()});
    ASSERT_TRUE(store) << golden << ": " << store.error().message;
    const auto events = (*store)->query().events_after(0, 10'000);
    ASSERT_TRUE(events) << golden << ": " << events.error().message;
    std::set<std::string_view> types;
    for (const StoredEvent& event : *events) types.insert(event.type);
    EXPECT_GE(types.size(), 15u) << golden << " should hold events of every kind";
    for (const Session& each : *(*store)->query().sessions({})) {
      EXPECT_TRUE((*store)->query().history(each.id)) << each.id.value;
    }
    store->reset();
    const auto verified = verify(dir.path() / "quarterdeck.db", Depth::full, {});
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_EQ(verified->problems, std::vector<std::string>()) << golden;
  }
}

}  // namespace
}  // namespace quarterdeck::store::sqlite
