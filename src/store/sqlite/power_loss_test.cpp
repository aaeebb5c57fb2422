// The power goes out at every point at which SQLite syncs a file, with what was not synced lost, kept, or there in part
// and torn. What was acknowledged by then is there, and the database is sound.
#include <cstdlib>

#include <gtest/gtest.h>

#include "base/testing/test_loop.hpp"
#include "store/maintenance.hpp"
#include "store/open.hpp"
#include "store/sqlite/recording_vfs.hpp"
#include "store/testing/samples.hpp"

namespace quarterdeck::store {
namespace {

using namespace quarterdeck::store::testing;
using namespace quarterdeck::domain;
using quarterdeck::testing::TestLoop;
namespace fs = std::filesystem;

// QD_POWER_LOSS_COMMITS=1000 makes a longer run.
int commits() {
  const char* text = std::getenv("QD_POWER_LOSS_COMMITS");
  return text ? std::atoi(text) : 170;
}

SqliteOptions options_at(const fs::path& directory) {
  return {.directory = directory, .reserve_bytes_max = 0, .free_bytes_min = 0, .check_after_ms = -1};
}

std::vector<DiskOperation> record_commits(int count) {
  const TempDir dir;
  RecordingVfs vfs;
  TestLoop loop;
  auto store = open_sqlite(loop, system_clock(), system_random(), options_at(dir.path()));
  if (!store) throw std::runtime_error(store.error().message);
  EventStore& events = (*store)->events();
  for (int i = 0; i < count; ++i) {
    const std::string id = fmt::format("ses_{:04}", i);
    std::vector<Event> list{SessionCreated{session(id)}, MessageUpdated{user(id, "msg_1")},
                            PartUpdated{text_part(id, "msg_1", "prt_1", std::string(6'000, 'a')), 1}};
    // Every third: several sessions share a commit; now and then one is deleted again.
    if (i % 3 == 0) events.append(batch(id + "x", {SessionCreated{session(id + "x")}}), [](EventStore::Appended) {});
    if (i % 3 == 0) events.append(batch(id + "x", {SessionDeleted{session(id + "x")}}), [](EventStore::Appended) {});
    if (!loop.run_until(events.append(batch(id, std::move(list))))) throw std::runtime_error("append failed");
    vfs.mark(i + 1);
  }
  store->reset();
  return vfs.take();
}

TEST(PowerLoss, AtEveryFlushLosesNothingThatWasAcknowledged) {
  const auto operations = record_commits(commits());
  std::mt19937 random(20261122);
  SimulatedDisk disk;
  std::int64_t acknowledged = 0;
  int points = 0;
  int torn_points = 0;
  for (const DiskOperation& operation : operations) {
    if (operation.kind == DiskOperation::Kind::mark) acknowledged = operation.offset;
    if (operation.kind == DiskOperation::Kind::sync) {
      using Unsynced = SimulatedDisk::Unsynced;
      for (const Unsynced unsynced : {Unsynced::lost, Unsynced::some, Unsynced::some, Unsynced::kept}) {
        const TempDir image;
        disk.write_to(image.path(), unsynced, random);
        ++points;
        torn_points += unsynced == Unsynced::some;
        TestLoop loop;
        auto store = open_sqlite(loop, system_clock(), system_random(), options_at(image.path()));
        ASSERT_TRUE(store) << "point " << points << ": " << store.error().message;
        ASSERT_EQ((*store)->health(), Health{}) << "point " << points;
        const auto sessions = (*store)->query().sessions({.limit = 100'000});
        ASSERT_TRUE(sessions) << "point " << points << ": " << sessions.error().message;
        std::set<std::string> ids;
        for (const Session& each : *sessions) ids.insert(each.id.value);
        for (std::int64_t i = 0; i < acknowledged; ++i) {
          ASSERT_TRUE(ids.contains(fmt::format("ses_{:04}", i))) << "point " << points << " lost session " << i;
        }
        ASSERT_LE(std::ssize(ids), acknowledged + 2) << "point " << points;
        store->reset();
        if (points % 8 == 0) {
          const auto verified = verify(image.path() / "quarterdeck.db", Depth::full, {});
          ASSERT_TRUE(verified) << verified.error().message;
          ASSERT_EQ(verified->problems, std::vector<std::string>()) << "point " << points;
        }
      }
    }
    disk.apply(operation);
  }
  EXPECT_EQ(acknowledged, commits());
  EXPECT_GE(points, 500);
  RecordProperty("points", points);
  RecordProperty("torn_points", torn_points);
}

}  // namespace
}  // namespace quarterdeck::store
