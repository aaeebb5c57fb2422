#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/activity.hpp"
#include "base/flight_ring.hpp"
#include "base/paths.hpp"
#include "base/testing/test_loop.hpp"
#include "diagnostics/crash_dump.hpp"
#include "diagnostics/supervisor.hpp"
#include "diagnostics/watchdog.hpp"

namespace quarterdeck::diagnostics {
namespace {

using ::testing::HasSubstr;

struct TempDirectory {
  TempDirectory() {
    char name[] = "/tmp/quarterdeck-diagnostics-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TempDirectory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

TEST(Watchdog, FindsASpanThatTakesTooLongOnceAndOnlyThat) {
  testing::TestLoop loop;
  std::mutex mutex;
  std::condition_variable told;
  std::vector<std::string> stalls;
  WatchdogOptions options{.sample_ms = 5};
  options.on_stall = [&](const char* thread, const char* what, std::int64_t for_ms) {
    EXPECT_GE(for_ms, 30);
    const std::scoped_lock lock(mutex);
    stalls.push_back(std::string(thread) + " " + what);
    told.notify_all();
  };
  const Watchdog watchdog(loop, options);
  Activity healthy("healthy", 10'000);
  const Activity::Span work(healthy, "work");
  Activity stuck("stuck", 30);
  const auto stall = [&](std::size_t expected) {
    const Activity::Span span(stuck, "forever");
    std::unique_lock lock(mutex);
    return told.wait_for(lock, std::chrono::seconds(10), [&] { return stalls.size() == expected; });
  };
  ASSERT_TRUE(stall(1));
  ASSERT_TRUE(stall(2));
  EXPECT_EQ(stalls, (std::vector<std::string>{"stuck forever", "stuck forever"}));
}

TEST(Watchdog, HasTheLoopFeedItsSupervisor) {
  testing::TestLoop loop;
  int fed = 0;
  const Watchdog watchdog(loop, {.sample_ms = 5, .feed_ms = 5, .feed = [&] { ++fed; }});
  loop.run_while([&] { return fed < 3; });
}

TEST(CrashDump, WritesStacksActivityAndTheLastRecords) {
  const TempDirectory directory;
  install_crash_dumps(directory.path / "crash", "1.2.3");
  Activity activity("worker", 1000);
  const Activity::Span span(activity, "thinking");
  std::mutex mutex;
  std::condition_variable end;
  bool ending = false;
  std::jthread other([&] {
    std::unique_lock lock(mutex);
    end.wait(lock, [&] { return ending; });
  });
  remember("test", "what came last");
  ASSERT_TRUE(dump_now("stall", "worker is stuck"));
  {
    const std::scoped_lock lock(mutex);
    ending = true;
  }
  end.notify_all();
  const auto file = std::filesystem::directory_iterator(directory.path / "crash")->path();
  EXPECT_THAT(file.filename().string(), ::testing::StartsWith("stall-"));
  const std::string text = *read_file(file);
  EXPECT_THAT(text, HasSubstr("quarterdeck 1.2.3\nreason: worker is stuck\n"));
  EXPECT_THAT(text, HasSubstr("): thinking for "));
  EXPECT_THAT(text, HasSubstr(" test what came last\n"));
  EXPECT_THAT(text, HasSubstr("  #0 quarterdeck+0x"));
  EXPECT_THAT(text, HasSubstr("\nthread "));
}

TEST(CrashDump, IsWrittenBeforeAnAssertionThrows) {
  const TempDirectory directory;
  install_crash_dumps(directory.path / "crash", "1.2.3");
  EXPECT_THROW(ASSERT(1 + 1 == 3, "arithmetic"), std::logic_error);
  const auto file = std::filesystem::directory_iterator(directory.path / "crash")->path();
  EXPECT_THAT(*read_file(file), HasSubstr("assertion failed: 1 + 1 == 3 (arithmetic)"));
}

TEST(Supervisor, IsToldThroughItsSocketAndHidesItsVariables) {
  const TempDirectory directory;
  const std::string path = (directory.path / "notify").string();
  const UniqueFd listener(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDS", "1", 1);
  auto supervisor = Supervisor::from_environment();
  EXPECT_EQ(supervisor.pulse_ms(), 1500);
  EXPECT_FALSE(supervisor.take_listener().valid()) << "those descriptors are for another process";
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS"}) {
    EXPECT_EQ(::getenv(name), nullptr) << name;
  }
  supervisor.tell("READY=1");
  char text[64] = {};
  ASSERT_GT(::recv(listener.get(), text, sizeof text - 1, 0), 0);
  EXPECT_STREQ(text, "READY=1");
}

TEST(Supervisor, IsNobodyWithoutAnEnvironmentAndNothingHappens) {
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  auto supervisor = Supervisor::from_environment();
  supervisor.tell("READY=1");
  EXPECT_EQ(supervisor.pulse_ms(), 0);
}

}  // namespace
}  // namespace quarterdeck::diagnostics
