// What the store does when it cannot write, or cannot trust what it reads: it says why, serves what it can, and is
// itself again when the cause is gone.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "base/testing/test_loop.hpp"
#include "store/open.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/disk_guard.hpp"
#include "store/sqlite/filesystem.hpp"
#include "store/testing/samples.hpp"

namespace quarterdeck::store {
namespace {

using namespace quarterdeck::store::testing;
using namespace quarterdeck::domain;
using quarterdeck::testing::TestLoop;
using State = Health::State;
namespace fs = std::filesystem;

Result<std::unique_ptr<Store>> open_at(Loop& loop, SqliteOptions options) {
  return open_sqlite(loop, system_clock(), system_random(), std::move(options));
}

Result<> append_session(TestLoop& loop, Store& store, const std::string& id) {
  auto appended = loop.run_until(store.events().append(batch(id, {SessionCreated{session(id)}})));
  if (!appended) return std::unexpected(appended.error());
  return {};
}

void fill_store(const fs::path& directory, int sessions) {
  TestLoop loop;
  auto store = open_at(loop, {.directory = directory});
  ASSERT_TRUE(store) << store.error().message;
  for (int i = 0; i < sessions; ++i) {
    const std::string id = "ses_" + std::to_string(i);
    ASSERT_TRUE(loop.run_until((*store)->events().append(
        batch(id, {SessionCreated{session(id)}, MessageUpdated{user(id, "msg_1")},
                   PartUpdated{text_part(id, "msg_1", "prt_1", std::string(9'000, 'x')), 1}}))));
  }
}

void overwrite(const fs::path& file, off_t at, std::size_t bytes) {
  const int fd = ::open(file.c_str(), O_WRONLY);
  const std::string rubbish(bytes, '\xA5');
  ASSERT_EQ(::pwrite(fd, rubbish.data(), rubbish.size(), at), static_cast<ssize_t>(bytes));
  ::close(fd);
}

// ------------------------------------------------------------------------------------------------------ damage

TEST(DamagedStore, StartsWithoutWritingWhenTheFileIsNoDatabaseAndSaysHowToGoOn) {
  const TempDir dir;
  fill_store(dir.path(), 2);
  const auto file = dir.path() / "quarterdeck.db";
  overwrite(file, 0, 4096);
  for (int start = 0; start < 2; ++start) {  // no crash loop: the second start is like the first
    TestLoop loop;
    auto store = open_at(loop, {.directory = dir.path()});
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ((*store)->health().state, State::corrupt);
    EXPECT_NE((*store)->health().reason.find("quarterdeck restore"), std::string::npos) << (*store)->health().reason;
    EXPECT_EQ(*(*store)->query().sessions_json({}), "[]");
    const auto refused = append_session(loop, **store, "ses_new");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_EQ((*store)->events().admits().error().code, ErrorCode::unavailable);
  }
  EXPECT_TRUE(fs::exists(file)) << "it stays where it was";
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path() / "quarantine"), {}), 1);
  // Moved away by hand: that is how to begin anew.
  fs::remove(file);
  TestLoop loop;
  auto store = open_at(loop, {.directory = dir.path()});
  ASSERT_TRUE(store);
  EXPECT_EQ((*store)->health(), Health{});
  EXPECT_TRUE(append_session(loop, **store, "ses_new"));
}

TEST(DamagedStore, IsFoundInTheBackgroundAndReadsWhatCanBeRead) {
  const TempDir dir;
  fill_store(dir.path(), 60);
  const auto file = dir.path() / "quarterdeck.db";
  overwrite(file, static_cast<off_t>(fs::file_size(file)) / 2 / 4096 * 4096, 8 * 4096);
  TestLoop loop;
  auto store = open_at(loop, {.directory = dir.path(), .check_after_ms = 0});
  ASSERT_TRUE(store) << store.error().message;
  loop.run_while([&] { return (*store)->health().state == State::ok; });
  EXPECT_EQ((*store)->health().state, State::corrupt);
  EXPECT_TRUE((*store)->query().session({"ses_0"}));
  EXPECT_EQ(append_session(loop, **store, "ses_new").error().code, ErrorCode::unavailable);
  store->reset();
  // The next start does not wait for the check.
  auto again = open_at(loop, {.directory = dir.path(), .check_after_ms = -1});
  EXPECT_EQ((*again)->health().state, State::corrupt);
}

TEST(DamagedStore, ANoteAboutASoundDatabaseIsForgotten) {
  const TempDir dir;
  fill_store(dir.path(), 1);
  std::ofstream(dir.path() / "quarterdeck.damaged") << "an earlier run\n";
  TestLoop loop;
  {
    auto store = open_at(loop, {.directory = dir.path(), .check_after_ms = 0});
    EXPECT_EQ((*store)->health().state, State::corrupt);
    loop.run_while([&] { return fs::exists(dir.path() / "quarterdeck.damaged"); });
  }
  auto store = open_at(loop, {.directory = dir.path()});
  EXPECT_EQ((*store)->health(), Health{});
}

// ----------------------------------------------------------------------------------------------- taken away, locked

TEST(StoreWithoutItsFile, RefusesToWriteIntoAFileThatNobodyWillFind) {
  const TempDir dir;
  TestLoop loop;
  auto store = open_at(loop, {.directory = dir.path()});
  ASSERT_TRUE(append_session(loop, **store, "ses_1"));
  fs::remove(dir.path() / "quarterdeck.db");
  const auto refused = append_session(loop, **store, "ses_2");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("deleted or replaced"), std::string::npos) << refused.error().message;
  EXPECT_EQ((*store)->health().state, State::read_only);
  EXPECT_EQ((*store)->query().session({"ses_1"}).error().code, ErrorCode::unavailable);
}

TEST(LockedStore, SaysThatAnotherProgramHoldsTheDatabase) {
  const TempDir dir;
  TestLoop loop;
  auto store = open_at(loop, {.directory = dir.path()});
  ASSERT_TRUE(append_session(loop, **store, "ses_1"));
  auto other = sqlite::Connection::open({dir.path() / "quarterdeck.db", ""}, sqlite::Access::read_write);
  (*other)->execute("BEGIN IMMEDIATE");
  const auto refused = append_session(loop, **store, "ses_2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_NE(refused.error().message.find("another program"), std::string::npos) << refused.error().message;
  (*other)->execute("ROLLBACK");
  EXPECT_TRUE(append_session(loop, **store, "ses_2"));
}

// ------------------------------------------------------------------------------------------------- full disks

struct FakeDisk {
  sqlite::Space space{.free_bytes = 1'000'000'000, .size_bytes = 10'000'000'000};
};

TEST(DiskGuard, RefusesNewWorkBeforeTheDiskIsFullAndAdmitsItWhenThereIsRoomAgain) {
  const TempDir dir;
  TestLoop loop;
  FakeDisk disk;
  sqlite::DiskGuard guard(loop,
                          {.directory = dir.path(),
                           .reserve_bytes = 1'000'000,
                           .free_bytes_min = 10'000'000,
                           .space = [&] { return disk.space; }},
                          {});
  std::vector<State> told;
  guard.observe([&](const Health& health) { told.push_back(health.state); });
  EXPECT_TRUE(guard.admits());
  EXPECT_EQ(fs::file_size(dir.path() / "quarterdeck.reserve"), 1'000'000u);
  disk.space.free_bytes = 9'000'000;
  loop.run_while([&] { return guard.admits().has_value(); });
  EXPECT_EQ(guard.admits().error().code, ErrorCode::no_space);
  EXPECT_TRUE(guard.writable()) << "running work may still be stored";
  loop.run_while([&] { return told.empty(); });
  disk.space.free_bytes = 50'000'000;
  loop.run_while([&] { return told.size() < 2; });
  EXPECT_TRUE(guard.admits());
  EXPECT_EQ(told, (std::vector{State::full, State::ok}));
}

TEST(DiskGuard, GivesTheReserveBackInQuartersAndMakesItAgain) {
  const TempDir dir;
  TestLoop loop;
  FakeDisk disk;
  sqlite::DiskGuard guard(loop,
                          {.directory = dir.path(),
                           .reserve_bytes = 4'000'000,
                           .free_bytes_min = 1'000'000,
                           .space = [&] { return disk.space; }},
                          {});
  const auto reserve = dir.path() / "quarterdeck.reserve";
  disk.space.free_bytes = 0;
  for (const std::uintmax_t left : {3'000'000u, 2'000'000u, 1'000'000u}) {
    EXPECT_TRUE(guard.found_no_room());
    EXPECT_EQ(fs::file_size(reserve), left);
  }
  EXPECT_TRUE(guard.found_no_room());
  EXPECT_FALSE(fs::exists(reserve));
  EXPECT_FALSE(guard.found_no_room()) << "nothing is left to give";
  disk.space.free_bytes = 100'000'000;
  loop.run_while([&] { return guard.health().state != State::ok; });
  EXPECT_EQ(fs::file_size(reserve), 4'000'000u);
}

TEST(NetworkFileSystems, AreKnownByTheirTypeAndTheirNumber) {
  EXPECT_EQ(sqlite::network_file_system("nfs4", 0x6969), "NFS");
  EXPECT_EQ(sqlite::network_file_system("cifs", 0xFF534D42), "CIFS");
  EXPECT_EQ(sqlite::network_file_system("9p", 0x01021997), "9P");
  EXPECT_EQ(sqlite::network_file_system("virtiofs", 0x65735546), "virtiofs");
  EXPECT_EQ(sqlite::network_file_system("fuse.sshfs", 0x65735546), "fuse.sshfs");
  EXPECT_EQ(sqlite::network_file_system("fuse.gocryptfs", 0x65735546), std::nullopt);
  EXPECT_EQ(sqlite::network_file_system("ext4", 0xEF53), std::nullopt);
  EXPECT_EQ(sqlite::network_file_system("tmpfs", 0x01021994), std::nullopt);
  EXPECT_EQ(sqlite::network_file_system(fs::path("/proc")), std::nullopt);
}

// ------------------------------------------------------------------------- real file systems, in a namespace of our own

// Runs `body` in a child process with its own mounts. Skips where that is not allowed. `body` returns what went wrong.
template <class Body>
void in_own_mounts(Body body) {
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto leave = [&](const std::string& text, int code) {
      (void)!::write(report[1], text.data(), text.size());
      ::_exit(code);
    };
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) leave("unshare", 77);
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) leave("mount", 77);
    std::string problem;
    try {
      problem = body();
    } catch (const std::exception& error) {
      problem = error.what();
    }
    leave(problem, problem.empty() ? 0 : 1);
  }
  ::close(report[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(report[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ::close(report[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "not permitted here: " << text;
  EXPECT_EQ(status, 0) << text;
}

bool fill_disk(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const std::string block(65536, 'f');
  while (::write(fd, block.data(), block.size()) > 0) {}
  while (::write(fd, block.data(), 512) > 0) {}
  ::close(fd);
  return true;
}

TEST(FullDisk, KeepsWhatWasAcknowledgedReadsStoresTheEndAndRecovers) {
  const TempDir dir;
  in_own_mounts([&]() -> std::string {
    if (::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=16m") != 0) ::_exit(77);
    const auto data = dir.path() / "data";
    TestLoop loop;
    auto store = open_at(loop, {.directory = data});
    if (!store) return store.error().message;
    int acknowledged = 0;
    for (; acknowledged < 20; ++acknowledged) {
      if (!append_session(loop, **store, "ses_" + std::to_string(acknowledged))) return "could not write at first";
    }
    if (!fs::exists(data / "quarterdeck.reserve")) return "there is no reserve";
    fill_disk(dir.path() / "filler");
    loop.run_while([&] { return (*store)->events().admits().has_value(); });
    if ((*store)->events().admits().error().code != ErrorCode::no_space) return "not refused as full";
    // The end of running work is stored out of the reserve, though no byte is free.
    const std::string big(200'000, 'x');
    const auto ended = loop.run_until(
        (*store)->events().append(batch("ses_0", {MessageUpdated{user("ses_0", "msg_end")},
                                                  PartUpdated{text_part("ses_0", "msg_end", "prt_end", big), 1}})));
    if (!ended) return "the end was not stored: " + ended.error().message;
    if ((*store)->query().counts()->sessions != acknowledged) return "something acknowledged is missing";
    // Until nothing is left at all: refused, and nothing is half there.
    Result<> last;
    for (int i = 0; i < 200 && last; ++i) {
      auto more = loop.run_until((*store)->events().append(
          batch("ses_1", {MessageUpdated{user("ses_1", "msg_" + std::to_string(i))},
                          PartUpdated{text_part("ses_1", "msg_" + std::to_string(i), "prt_1", big), 1}})));
      if (!more) last = std::unexpected(more.error());
    }
    if (last || last.error().code != ErrorCode::no_space) return "a full disk was not noticed";

    // A start on the full disk: reads work.
    store->reset();
    auto again = open_at(loop, {.directory = data});
    if (!again) return "no start on a full disk: " + again.error().message;
    if ((*again)->health().state != State::full) return "the start does not know that the disk is full";
    if ((*again)->query().counts()->sessions != acknowledged) return "something is missing after the start";

    fs::remove(dir.path() / "filler");
    loop.run_while([&] { return (*again)->health().state != State::ok; });
    if (!append_session(loop, **again, "ses_after")) return "does not recover by itself";
    if (!fs::exists(data / "quarterdeck.reserve")) return "the reserve was not made again";
    return "";
  });
}

TEST(ReadOnlyFileSystem, IsServedForReading) {
  const TempDir dir;
  fill_store(dir.path() / "data", 3);
  in_own_mounts([&]() -> std::string {
    const auto data = dir.path() / "data";
    if (::mount(data.c_str(), data.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, data.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
      ::_exit(77);
    }
    TestLoop loop;
    auto store = open_at(loop, {.directory = data});
    if (!store) return store.error().message;
    if ((*store)->health().state != State::read_only) return "not known as read-only";
    if ((*store)->query().counts()->sessions != 3) return "sessions cannot be read";
    const auto refused = append_session(loop, **store, "ses_new");
    if (refused || refused.error().code != ErrorCode::unavailable) return "not refused";
    return "";
  });
}

}  // namespace
}  // namespace quarterdeck::store
