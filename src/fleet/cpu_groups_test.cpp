// The files of a control group on a plain directory; then the kernel's own, as far as this machine has them.
#include "fleet/cpu_groups.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace quarterdeck::fleet {
namespace {

namespace fs = std::filesystem;
using domain::Priority;

std::string read(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }
fs::path tools(const fs::path& group, int priority) { return group / ("tools.P" + std::to_string(priority)); }

TEST(CpuGroups, WeighHigherPrioritiesMore) {
  EXPECT_GT(weight_of(Priority::P0), weight_of(Priority::P1));
  EXPECT_GT(weight_of(Priority::P1), weight_of(Priority::P2));
  EXPECT_GT(weight_of(Priority::P2), weight_of(Priority::P3));
}

// The files of a group, on a plain directory.
fs::path plain_group() {
  std::string pattern = (fs::temp_directory_path() / "qd-groups-XXXXXX").string();
  fs::path group = ::mkdtemp(pattern.data());
  write(group / "cgroup.subtree_control", "");
  write(group / "cgroup.procs", "");
  for (const char* each : {"server", "tools.P0", "tools.P1", "tools.P2", "tools.P3"}) {
    fs::create_directory(group / each);
    write(group / each / "cpu.weight", "100");
    write(group / each / "cgroup.procs", "");
  }
  return group;
}

TEST(CpuGroups, WriteWhatTheKernelExpectsInItsOrder) {
  const fs::path group = plain_group();
  const auto groups = CpuGroups::open(group);
  ASSERT_TRUE(groups) << groups.error().message;
  EXPECT_EQ(read(group / "cgroup.subtree_control"), "+cpu");
  EXPECT_EQ(read(tools(group, 0) / "cpu.weight"), "400");
  EXPECT_EQ(read(tools(group, 3) / "cpu.weight"), "250") << "25 over the first bytes of what stood there";
  groups->put(::getpid(), Priority::P1);
  EXPECT_EQ(read(tools(group, 1) / "cgroup.procs"), std::to_string(::getpid()));
  fs::remove(group / "cgroup.subtree_control");
  EXPECT_FALSE(CpuGroups::open(group)) << "what cannot be is told";
  fs::remove_all(group);
}

TEST(CpuGroups, AGroupWithoutTheControllerOrThatIsNotOursIsLeftAlone) {
  std::string pattern = (fs::temp_directory_path() / "qd-groups-XXXXXX").string();
  const fs::path group = ::mkdtemp(pattern.data());
  write(group / "cgroup.controllers", "cpuset io memory pids\n");
  EXPECT_TRUE(may_share(group).error().message.contains("no cpu controller"));
  write(group / "cgroup.controllers", "cpuset cpu io memory pids\n");
  EXPECT_TRUE(may_share(group).error().message.contains("not delegated")) << "its files cannot be written";
  EXPECT_EQ(std::distance(fs::directory_iterator(group), fs::directory_iterator()), 1) << "it was only read";
  fs::remove_all(group);
}

// A group of the real kernel, below the root of version 2; the test's own, gone afterwards.
class RealGroup : public ::testing::Test {
 protected:
  RealGroup() {
    for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
      std::error_code error;
      if (!fs::exists(fs::path(mount) / "cgroup.controllers", error)) continue;
      group = fs::path(mount) / ("qd-test-" + std::to_string(::getpid()));
      if (!fs::create_directory(group, error)) group.clear();
      break;
    }
  }
  ~RealGroup() override {
    for (const pid_t each : started) {
      ::kill(-each, SIGKILL);
      ::waitpid(each, nullptr, 0);
    }
    if (group.empty()) return;
    for (const char* each : {"tools.P0", "tools.P1", "tools.P2", "tools.P3", "server", ""}) {
      for (int patience = 500; patience > 0; --patience) {
        if (::rmdir((group / each).c_str()) == 0 || errno == ENOENT) break;
        ::usleep(10'000);
      }
    }
  }
  pid_t start(const char* command) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setpgid(0, 0);
      ::execl("/bin/sh", "sh", "-c", command, nullptr);
      ::_exit(127);
    }
    ::setpgid(child, child);
    started.push_back(child);
    return child;
  }
  fs::path group;
  std::vector<pid_t> started;
};

TEST_F(RealGroup, AWholeTreeMovesWhereItIsPut) {
  if (group.empty()) GTEST_SKIP() << "no control groups of version 2 that can be written here";
  // Also where the kernel has no weights to give: only what takes processes is real.
  const fs::path real = tools(group, 3);
  fs::create_directory(real);
  const fs::path plain = plain_group();
  fs::remove(tools(plain, 3) / "cgroup.procs");
  fs::create_symlink(real / "cgroup.procs", tools(plain, 3) / "cgroup.procs");
  const auto groups = CpuGroups::open(plain);
  ASSERT_TRUE(groups) << groups.error().message;
  const pid_t parent = start("sleep 60 & sleep 60 & wait");
  const auto children = "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children";
  for (int patience = 3'000; patience > 0; --patience) {
    const std::string text = read(children);
    if (std::ranges::count(text, ' ') == 2) break;
    ::usleep(10'000);
  }
  groups->put(parent, Priority::P3);
  const std::string inside = read(real / "cgroup.procs");
  EXPECT_EQ(std::ranges::count(inside, '\n'), 3) << inside;
  fs::remove_all(plain);
}

TEST_F(RealGroup, OneOfP0GetsMoreThanFourOfP3OnTheSameProcessor) {
  if (group.empty()) GTEST_SKIP() << "no control groups of version 2 that can be written here";
  const auto groups = CpuGroups::open(group);
  if (!groups) GTEST_SKIP() << groups.error().message;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  const auto busy = [&](Priority priority) {
    const pid_t child = start("while :; do :; done");
    ::sched_setaffinity(child, sizeof one, &one);
    groups->put(child, priority);
  };
  for (int i = 0; i < 4; ++i) busy(Priority::P3);
  busy(Priority::P0);
  const auto used = [&](int priority) {
    const std::string text = read(tools(group, priority) / "cpu.stat");
    return std::atoll(text.c_str() + text.find("usage_usec") + 11);
  };
  const auto low = used(3), high = used(0);
  for (int patience = 3'000; patience > 0 && used(0) - high < 1'000'000; --patience) ::usleep(10'000);
  EXPECT_GT(used(0) - high, 3 * (used(3) - low));
}

}  // namespace
}  // namespace quarterdeck::fleet
