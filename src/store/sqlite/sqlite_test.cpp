// What only SQLite has: files, locks, group commit, full disks, and being killed at the worst moment.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "base/testing/test_loop.hpp"
#include "store/open.hpp"
#include "store/sqlite/connection.hpp"
#include "store/testing/samples.hpp"

namespace quarterdeck::store {
namespace {

using namespace quarterdeck::store::testing;
using namespace quarterdeck::domain;
using quarterdeck::testing::TestLoop;

Result<std::unique_ptr<Store>> open_at(Loop& loop, SqliteOptions options) {
  return open_sqlite(loop, system_clock(), system_random(), std::move(options));
}

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

TEST(SqliteStore, KeepsItsFilesPrivate) {
  const TempDir dir;
  TestLoop loop;
  ::umask(0);
  auto store = open_at(loop, {.directory = dir.path() / "a" / "data"});
  ASSERT_TRUE(store);
  ASSERT_TRUE(loop.run_until((*store)->events().append(batch("ses_1", {SessionCreated{session("ses_1")}}))));
  EXPECT_EQ(mode_of(dir.path() / "a/data"), 0700u);
  for (const auto& entry : std::filesystem::directory_iterator(dir.path() / "a/data")) {
    EXPECT_EQ(mode_of(entry.path()), 0600u) << entry.path();
  }
}

TEST(SqliteStore, RefusesASecondServerAndNamesTheFirst) {
  const TempDir dir;
  TestLoop loop;
  auto first = open_at(loop, {.directory = dir.path()});
  ASSERT_TRUE(first);
  const auto second = open_at(loop, {.directory = dir.path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos) << second.error().message;
  first->reset();
  EXPECT_TRUE(open_at(loop, {.directory = dir.path()}));
}

// Runs what was submitted when told.
class HeldPool final : public BlockingPool {
 public:
  void submit(std::move_only_function<void()> work) override { held.push_back(std::move(work)); }
  void run() {
    for (auto& work : std::exchange(held, {})) work();
  }
  std::vector<std::move_only_function<void()>> held;
};

TEST(SqliteStore, OnAnExecutorItWritesWhenThatRunsAndNothingMoreWhenItCloses) {
  const TempDir dir;
  TestLoop loop;
  HeldPool executor;
  auto store = open_at(loop, {.directory = dir.path(), .executor = &executor});
  ASSERT_TRUE(store);
  Result<> first = fail(ErrorCode::internal, "not yet");
  (*store)->events().append(batch("ses_1", {SessionCreated{session("ses_1")}}), [&](EventStore::Appended appended) {
    if (appended) first = {};
  });
  EXPECT_FALSE((*store)->query().session({"ses_1"}));
  executor.run();
  loop.run_while([&] { return !first; });
  (*store)->events().append(batch("ses_2", {SessionCreated{session("ses_2")}}), [](EventStore::Appended) {});
  store->reset();
  executor.run();
  auto again = open_at(loop, {.directory = dir.path()});
  EXPECT_TRUE((*again)->query().session({"ses_1"}));
  EXPECT_FALSE((*again)->query().session({"ses_2"}));
}

TEST(SqliteStore, RefusesADatabaseFromTheFuture) {
  const TempDir dir;
  TestLoop loop;
  ASSERT_TRUE(open_at(loop, {.directory = dir.path()}));
  {
    auto connection = sqlite::Connection::open({dir.path() / "quarterdeck.db", {}}, sqlite::Access::read_write);
    (*connection)->execute("PRAGMA user_version=999");
  }
  const auto refused = open_at(loop, {.directory = dir.path()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_NE(refused.error().message.find("newer version"), std::string::npos);
}

TEST(SqliteStore, CommitsWhatIsQueuedTogether) {
  const TempDir dir;
  TestLoop loop;
  std::mutex mutex;
  std::condition_variable wake;
  bool open = false;
  int commits = 0;
  // The first transaction waits until all batches are queued.
  const auto gate = [&](std::string_view point) {
    std::unique_lock lock(mutex);
    if (point == "begin") wake.wait(lock, [&] { return open; });
    if (point == "committed") ++commits;
  };
  auto store = open_at(loop, {.directory = dir.path(), .failpoint = gate});
  int done = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string id = "ses_" + std::to_string(i);
    (*store)->events().append(batch(id, {SessionCreated{session(id)}}), [&](EventStore::Appended result) {
      EXPECT_TRUE(result);
      ++done;
    });
  }
  {
    const std::lock_guard lock(mutex);
    open = true;
  }
  wake.notify_all();
  loop.run_while([&] { return done < 50; });
  EXPECT_LE(commits, 2);
}

TEST(SqliteStore, RefusesMoreThanItsQueueHolds) {
  const TempDir dir;
  TestLoop loop;
  auto store = open_at(loop, {.directory = dir.path(), .queue_events_max = 3});
  int refused = 0;
  int done = 0;
  for (int i = 0; i < 5; ++i) {
    const std::string id = "ses_" + std::to_string(i);
    (*store)->events().append(batch(id, {SessionCreated{session(id)}}), [&](EventStore::Appended result) {
      refused += !result && result.error().code == ErrorCode::unavailable;
      ++done;
    });
  }
  loop.run_while([&] { return done < 5; });
  EXPECT_EQ(refused, 2);
  EXPECT_TRUE(loop.run_until((*store)->events().append(batch("ses_9", {SessionCreated{session("ses_9")}}))));
}

TEST(SqliteStore, OutlivesAFullDisk) {
  const TempDir dir;
  TestLoop loop;
  const std::string big(200'000, 'x');
  {
    auto store = open_at(loop, {.directory = dir.path(), .size_bytes_max = 1024 * 1024});
    ASSERT_TRUE(store) << store.error().message;
    EventStore& events = (*store)->events();
    ASSERT_TRUE(loop.run_until(
        events.append(batch("ses_1", {SessionCreated{session("ses_1")}, MessageUpdated{user("ses_1", "msg_1")}}))));
    Result<> failure;
    int written = 0;
    for (int i = 0; i < 10 && failure; ++i) {
      const Part part = text_part("ses_1", "msg_1", "prt_" + std::to_string(i), big);
      auto result = loop.run_until(events.append(batch("ses_1", {PartUpdated{part, 1}})));
      if (!result) failure = std::unexpected(result.error());
      written += result.has_value();
    }
    ASSERT_FALSE(failure);
    EXPECT_EQ(failure.error().code, ErrorCode::no_space) << failure.error().message;
    EXPECT_EQ((*store)->query().counts()->parts, written);
    // Room again: what is written later has the next number.
    const Seq last = *(*store)->query().last_seq();
    const auto removed = loop.run_until(events.append(batch("ses_1", {MessageRemoved{{"msg_1"}}})));
    ASSERT_TRUE(removed) << removed.error().message;
    EXPECT_EQ(removed->at(0).seq, last + 1);
    ASSERT_TRUE(
        loop.run_until(events.append(batch("ses_1", {MessageUpdated{user("ses_1", "msg_2")},
                                                     PartUpdated{text_part("ses_1", "msg_2", "prt_z", big), 1}}))));
  }
  EXPECT_TRUE(open_at(loop, {.directory = dir.path()}));
}

// A writer in a child process is killed at `point` of its n-th transaction. Whatever it was told to be on disk is there.
void kill_writer_at(const std::string& point, int transaction) {
  const TempDir dir;
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    TestLoop loop;
    int count = 0;
    auto store = open_at(loop, {.directory = dir.path(), .failpoint = [&](std::string_view at) {
                                  if (at == point && ++count == transaction) ::kill(::getpid(), SIGKILL);
                                }});
    for (int i = 0; i < 100; ++i) {
      const std::string id = "ses_" + std::to_string(i);
      const std::vector<Event> list{SessionCreated{session(id)}, MessageUpdated{user(id, "msg_1")},
                                    PartUpdated{text_part(id, "msg_1", "prt_1", std::string(5000, 'x')), 1}};
      if (loop.run_until((*store)->events().append(batch(id, list)))) (void)!::write(pipe[1], "a", 1);
    }
    ::_exit(1);
  }
  ::close(pipe[1]);
  int acknowledged = 0;
  for (char byte = 0; ::read(pipe[0], &byte, 1) == 1;) ++acknowledged;
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child was not killed";

  TestLoop loop;
  auto store = open_at(loop, {.directory = dir.path()});
  ASSERT_TRUE(store) << store.error().message;
  const Counts counts = *(*store)->query().counts();
  EXPECT_GE(counts.sessions, acknowledged);
  EXPECT_LE(counts.sessions, acknowledged + 1) << "more than the one in flight";
  EXPECT_EQ(counts.messages, counts.sessions);
  EXPECT_EQ(counts.parts, counts.sessions);
  EXPECT_EQ(counts.events, counts.sessions * 3);
  EXPECT_EQ(*(*store)->query().last_seq(), counts.events);
}

TEST(SqliteStore, HasWhatItAcknowledgedWhenKilledBeforeATransaction) { kill_writer_at("begin", 7); }
TEST(SqliteStore, HasWhatItAcknowledgedWhenKilledBeforeACommit) { kill_writer_at("commit", 7); }
TEST(SqliteStore, HasWhatItAcknowledgedWhenKilledAfterACommit) { kill_writer_at("committed", 7); }

}  // namespace
}  // namespace quarterdeck::store
