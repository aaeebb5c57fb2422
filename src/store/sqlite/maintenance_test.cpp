// Backup, restore, verify, vacuum: beside a server, against one, and killed half-way.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "base/paths.hpp"
#include "base/testing/test_loop.hpp"
#include "store/maintenance.hpp"
#include "store/open.hpp"
#include "store/sqlite/connection.hpp"
#include "store/testing/samples.hpp"

namespace quarterdeck::store {
namespace {

using namespace quarterdeck::store::testing;
using namespace quarterdeck::domain;
using quarterdeck::testing::TestLoop;
namespace fs = std::filesystem;

std::vector<Event> conversation(const std::string& id) {
  return {SessionCreated{session(id)},
          MessageUpdated{user(id, "msg_1")},
          PartUpdated{text_part(id, "msg_1", "prt_1", "hello"), 1},
          PromptAdmitted{{"msg_1"}},
          TurnStarted{{"msg_1"}},
          MessageUpdated{assistant(id, "msg_2")},
          PartUpdated{text_part(id, "msg_2", "prt_2", "", Span{1, {}}), 2},
          PartAppended{{"msg_2"}, {"prt_2"}, "streamed "},
          PartAppended{{"msg_2"}, {"prt_2"}, "text"},
          PartUpdated{tool_part(id, "msg_2", "prt_3", ToolRunning{.input = {"{}"}, .start = 3}), 3},
          ToolStarted{{"msg_2"}, {"prt_3"}, 4711},
          TodoUpdated{{{"a", "pending", "high"}}}};
}

struct Served {
  explicit Served(const fs::path& directory) {
    auto opened = open_sqlite(loop, system_clock(), system_random(), {.directory = directory, .check_after_ms = -1});
    if (!opened) throw std::runtime_error(opened.error().message);
    store = std::move(*opened);
  }
  void talk(const std::string& id) {
    const auto done = loop.run_until(store->events().append(batch(id, conversation(id))));
    ASSERT_TRUE(done) << done.error().message;
  }
  TestLoop loop;
  std::unique_ptr<Store> store;
};

std::int64_t sessions_in(const fs::path& directory) { return Served(directory).store->query().counts()->sessions; }

TEST(Backup, OfARunningStoreIsOneMomentOfIt) {
  const TempDir dir;
  Served served(dir.path());
  for (int i = 0; i < 20; ++i) served.talk("ses_" + std::to_string(i));
  std::atomic<bool> stop = false;
  Result<BackupReport> report = fail(ErrorCode::internal, "");
  std::thread other([&] {
    report = backup(dir.path(), {}, {});
    stop = true;
  });
  int more = 20;
  while (!stop) served.talk("ses_" + std::to_string(more++));
  other.join();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GE(report->sessions, 20);
  EXPECT_LE(report->sessions, more);
  struct stat status{};
  ASSERT_EQ(::stat(report->file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto verified = verify(report->file, Depth::full, {});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->problems, std::vector<std::string>());
  EXPECT_EQ(verified->sessions, report->sessions);
  // A second one does not write over the first.
  EXPECT_EQ(backup(dir.path(), report->file, {}).error().code, ErrorCode::conflict);
}

TEST(Restore, PutsABackupInPlaceAndKeepsWhatWasThere) {
  const TempDir dir;
  {
    Served served(dir.path());
    served.talk("ses_1");
  }
  const auto copy = backup(dir.path(), dir.path() / "copy.db", {});
  ASSERT_TRUE(copy) << copy.error().message;
  {
    Served served(dir.path());
    served.talk("ses_2");
    const auto refused = restore(dir.path(), copy->file, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_NE(refused.error().message.find(std::to_string(::getpid())), std::string::npos);
  }
  const auto restored = restore(dir.path(), copy->file, {});
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->sessions, 1);
  EXPECT_EQ(sessions_in(dir.path()), 1);
  const auto kept = verify(restored->replaced, Depth::full, {});
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->sessions, 2);
}

TEST(Restore, RefusesWhatIsNotASoundDatabaseOfOurs) {
  const TempDir dir;
  {
    Served served(dir.path());
    served.talk("ses_1");
  }
  write_file_atomically(dir.path() / "text.db", std::string(10'000, 'x')).value();
  {
    (*sqlite::Connection::open({dir.path() / "other.db", ""}, sqlite::Access::read_write))
        ->execute("CREATE TABLE t(x)");
  }
  for (const auto* name : {"text.db", "other.db"}) {
    const auto refused = restore(dir.path(), dir.path() / name, {});
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid) << refused.error().message;
  }
  EXPECT_EQ(restore(dir.path(), dir.path() / "none.db", {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(sessions_in(dir.path()), 1) << "nothing was touched";
}

TEST(Restore, KilledAnywhereLeavesTheOldDatabaseOrTheRestoredOne) {
  if (!failpoint::kCompiled) GTEST_SKIP() << "built without QD_FAILPOINTS";
  for (const auto* point :
       {"store.backup.begun", "store.backup.synced", "store.backup.renamed", "store.restore.copied",
        "store.restore.kept_old", "store.restore.decided", "store.restore.log_removed", "store.restore.renamed"}) {
    const TempDir dir;
    {
      Served served(dir.path());
      served.talk("ses_1");
    }
    ASSERT_TRUE(backup(dir.path(), dir.path() / "copy.db", {}));
    {
      Served served(dir.path());
      served.talk("ses_2");
      served.talk("ses_3");
    }
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(STDERR_FILENO);
      (void)failpoint::arm(std::string(point) + ":1:kill");
      (void)restore(dir.path(), dir.path() / "copy.db", {});
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << point << " was not reached";
    const auto sessions = sessions_in(dir.path());
    EXPECT_TRUE(sessions == 1 || sessions == 3) << point << ": " << sessions;
    EXPECT_TRUE(verify(dir.path() / "quarterdeck.db", Depth::full, {})->sound()) << point;
    ASSERT_TRUE(restore(dir.path(), dir.path() / "copy.db", {})) << point;
    EXPECT_EQ(sessions_in(dir.path()), 1) << point;
  }
}

TEST(Verify, ReplaysTheLogAndFindsWhatDoesNotAgree) {
  const TempDir dir;
  const auto database = dir.path() / "quarterdeck.db";
  {
    Served served(dir.path());
    served.talk("ses_1");
    served.talk("ses_2");
  }
  const auto sound = verify(database, Depth::full, {});
  ASSERT_TRUE(sound) << sound.error().message;
  ASSERT_EQ(sound->problems, std::vector<std::string>());
  EXPECT_EQ(sound->sessions, 2);
  // Each is something that integrity_check cannot see.
  for (const auto* harm :
       {"UPDATE session SET title = 'other' WHERE id = 'ses_1'", "DELETE FROM event WHERE type = 'message.updated'",
        "DELETE FROM part WHERE id = 'prt_1'", "UPDATE message SET open = 0 WHERE id = 'msg_2'",
        "UPDATE tail SET seq = seq + 1000", "DELETE FROM turn",
        "DELETE FROM inbox; INSERT INTO inbox (seq, session, message) SELECT 99, key, 'msg_9' FROM session LIMIT 1",
        "UPDATE part SET started = NULL WHERE id = 'prt_3'",
        "UPDATE event SET body = '{\"x\":1}' WHERE type = 'quarterdeck.turn.started'",
        "UPDATE session SET body = 'not json' WHERE id = 'ses_2'"}) {
    const TempDir harmed;
    fs::copy(dir.path(), harmed.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    (*sqlite::Connection::open({harmed.path() / "quarterdeck.db", ""}, sqlite::Access::read_write))
        ->execute(std::string("PRAGMA foreign_keys=OFF;") + harm);
    const auto found = verify(harmed.path() / "quarterdeck.db", Depth::full, {});
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_FALSE(found->sound()) << harm;
    EXPECT_TRUE(verify(harmed.path() / "quarterdeck.db", Depth::quick, {})->sound()) << "the quick one looks at pages";
  }
}

TEST(Verify, WorksBesideARunningStore) {
  const TempDir dir;
  Served served(dir.path());
  served.talk("ses_1");
  const auto verified = verify(dir.path() / "quarterdeck.db", Depth::full, {});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_TRUE(verified->sound()) << verified->problems.front();
  served.talk("ses_2");
}

TEST(Vacuum, GivesSpaceBackAndRefusesARunningStore) {
  const TempDir dir;
  {
    Served served(dir.path());
    const std::string big(100'000, 'x');
    for (int i = 0; i < 20; ++i) {
      const std::string id = "ses_" + std::to_string(i);
      ASSERT_TRUE(served.loop.run_until(
          served.store->events().append(batch(id, {SessionCreated{session(id)}, MessageUpdated{user(id, "msg_1")},
                                                   PartUpdated{text_part(id, "msg_1", "prt_1", big), 1}}))));
    }
    for (int i = 0; i < 19; ++i) {
      const std::string id = "ses_" + std::to_string(i);
      ASSERT_TRUE(served.loop.run_until(served.store->events().append(batch(id, {SessionDeleted{session(id)}}))));
    }
    EXPECT_EQ(vacuum(dir.path(), {}).error().code, ErrorCode::conflict);
  }
  const auto done = vacuum(dir.path(), {});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_LT(done->bytes_after, done->bytes_before / 4);
  EXPECT_EQ(sessions_in(dir.path()), 1);
  EXPECT_TRUE(verify(dir.path() / "quarterdeck.db", Depth::full, {})->sound());
}

// Somebody holds one moment of the database for the whole time: the log must grow, and is short again afterwards.
TEST(Log, StaysBelow64MegabytesAndIsCutWhenALongReaderLeaves) {
  const TempDir dir;
  Served served(dir.path());
  served.talk("ses_0");
  const auto wal = dir.path() / "quarterdeck.db-wal";
  const std::string big(500'000, 'x');
  std::uintmax_t most = 0;
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(served.loop.run_until(
          served.store->events().append(batch("ses_0", {PartUpdated{text_part("ses_0", "msg_1", "prt_1", big), i}}))));
      most = std::max(most, fs::file_size(wal));
    }
  };
  write(150);
  EXPECT_LT(most, 24u << 20);
  {
    auto reader = sqlite::Connection::open({dir.path() / "quarterdeck.db", ""}, sqlite::Access::read_only);
    (*reader)->execute("BEGIN; SELECT count(*) FROM event;");
    write(60);
  }
  write(3);
  EXPECT_LT(most, 64u << 20);
  EXPECT_LT(fs::file_size(wal), 24u << 20);
}

}  // namespace
}  // namespace quarterdeck::store
