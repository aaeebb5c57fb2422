// Nobody survives: nasty shapes of process trees against every way in which a job can end.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/async.hpp"
#include "base/testing/test_loop.hpp"
#include "process/process.hpp"

namespace quarterdeck::process {
namespace {

struct Shape {
  const char* name;
  const char* leaves;  // starts something in the background
};
const Shape kShapes[] = {
    {"setsid", "setsid sleep 300 &"},
    {"double_fork", "( ( sleep 300 & ) & );"},
    {"nohup", "nohup sleep 300 >/dev/null 2>&1 &"},
    {"ignores_term", "trap '' TERM; sleep 300 &"},
    {"stopped", "sleep 300 & kill -STOP $!;"},
    {"pipe", "sleep 300 | sleep 300 | cat &"},
    {"closed_stdio", "exec <&- >&- 2>&-; sleep 300 &"},
    {"background", "sleep 300 & sleep 300 &"},
    {"keeps_forking", "trap '' TERM; (while :; do sleep 300 & sleep 0.01; done) &"},
};

// Processes whose environment holds `mark`.
std::vector<int> alive(const std::string& mark) {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    std::ifstream file(entry.path() / "environ", std::ios::binary);
    std::stringstream environment;
    environment << file.rdbuf();
    if (environment.str().contains(mark)) found.push_back(pid);
  }
  return found;
}

std::string new_mark() {
  static int counter = 0;
  return "QD_MARK=" + std::to_string(::getpid()) + "-" + std::to_string(++counter) + ";";
}

// One look is not enough: in the middle of exec a process shows no environment.
void expect_nobody_within_2_s(const std::string& mark) {
  std::vector<int> found;
  int looks_that_found_nobody = 0;
  for (int i = 0; i < 100 && looks_that_found_nobody < 3; ++i) {
    if (i > 0) ::usleep(20'000);
    found = alive(mark);
    looks_that_found_nobody = found.empty() ? looks_that_found_nobody + 1 : 0;
  }
  EXPECT_EQ(found, std::vector<int>{});
  for (const int pid : found) ::kill(pid, SIGKILL);
}

// The most that one look within a second found, `wanted` at the earliest.
std::size_t found_within_1_s(const std::string& mark, std::size_t wanted) {
  std::size_t most = 0;
  for (int i = 0; i < 100 && most < wanted; ++i) {
    if (i > 0) ::usleep(10'000);
    most = std::max(most, alive(mark).size());
  }
  return most;
}

Spawn spawn_of(const Shape& shape, const char* tail, const std::string& mark) {
  Spawn spawn;
  spawn.argv = {"bash", "-c", std::string(shape.leaves) + " " + tail};
  spawn.directory = "/";
  spawn.environment = tool_environment();
  spawn.environment["QD_MARK"] = mark.substr(8);
  spawn.owner = "ses_1";
  spawn.keep_background = true;
  return spawn;
}

class TreeTest : public ::testing::TestWithParam<Shape> {
 protected:
  void start() {
    auto spawner = Spawner::start();
    ASSERT_TRUE(spawner.has_value());
    processes = make_processes(loop, std::move(*spawner));
  }
  testing::TestLoop loop;
  std::unique_ptr<Processes> processes;
  std::string mark = new_mark();
};

TEST_P(TreeTest, NobodySurvivesStop) {
  start();
  std::stop_source stop;
  std::unique_ptr<Loop::Handle> timer;
  std::function<void()> stop_when_up = [&] {
    if (alive(mark).size() >= 2) return void(stop.request_stop());
    timer = loop.after_ms(5, [&] { stop_when_up(); });
  };
  stop_when_up();
  const auto exit = loop.run_until(processes->run(spawn_of(GetParam(), "sleep 300", mark), {}, stop.get_token()));
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->cancelled);
  EXPECT_EQ(alive(mark), std::vector<int>{}) << "the tree is dead when run() returns";
  expect_nobody_within_2_s(mark);
}

TEST_P(TreeTest, NobodySurvivesTimeout) {
  start();
  Spawn spawn = spawn_of(GetParam(), "sleep 300", mark);
  spawn.timeout_ms = 200;
  const auto exit = loop.run_until(processes->run(spawn, {}, {}));
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->timed_out);
  EXPECT_EQ(alive(mark), std::vector<int>{});
  expect_nobody_within_2_s(mark);
}

TEST_P(TreeTest, NobodySurvivesTheCommandWithoutKeepBackground) {
  start();
  Spawn spawn = spawn_of(GetParam(), "true", mark);
  spawn.keep_background = false;
  const auto exit = loop.run_until(processes->run(spawn, {}, {}));
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(*exit, (Exit{.code = 0}));
  EXPECT_EQ(alive(mark), std::vector<int>{});
  expect_nobody_within_2_s(mark);
}

TEST_P(TreeTest, BackgroundLivesUntilItsOwnerEnds) {
  start();
  const auto exit = loop.run_until(processes->run(spawn_of(GetParam(), "true", mark), {}, {}));
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(*exit, (Exit{.code = 0}));
  loop.run_for_ms(50);
  loop.run_while([&] { return alive(mark).empty(); });  // in the middle of exec a process shows no environment
  processes->kill_owner("ses_other");
  loop.run_for_ms(50);
  EXPECT_GE(found_within_1_s(mark, 1), 1U);
  processes->kill_owner("ses_1");
  expect_nobody_within_2_s(mark);
}

// The "server" is a child of the test that runs one command to its end and one that goes on; then it dies by kill -9.
TEST_P(TreeTest, NobodySurvivesTheDeathOfTheServer) {
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t server = ::fork();
  if (server == 0) {
    auto spawner = Spawner::start();
    testing::TestLoop server_loop;
    const auto server_processes = make_processes(server_loop, std::move(*spawner));
    (void)server_loop.run_until(server_processes->run(spawn_of(GetParam(), "true", mark), {}, {}));
    JobEvents events;
    events.started = [&](std::int64_t) { (void)!::write(ready[1], "r", 1); };
    (void)server_loop.run_until(server_processes->run(spawn_of(GetParam(), "sleep 300", mark), std::move(events), {}));
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_GE(found_within_1_s(mark, 2), 2U);
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  expect_nobody_within_2_s(mark);
  ::close(ready[0]);
  ::close(ready[1]);
}

INSTANTIATE_TEST_SUITE_P(Shapes, TreeTest, ::testing::ValuesIn(kShapes),
                         [](const auto& info) { return info.param.name; });

// Children of this test that are zygotes, and their children.
int child_of(int parent) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string pid, name, state;
    int parent_of_entry = 0;
    if (file >> pid >> name >> state >> parent_of_entry && parent_of_entry == parent) return std::atoi(pid.c_str());
  }
  return -1;
}

class GuardsTest : public TreeTest {};

TEST_F(GuardsTest, NobodySurvivesAKilledZygote) {
  start();
  Result<Exit> exit;
  JobEvents events;
  events.started = [&](std::int64_t) { ::kill(child_of(::getpid()), SIGKILL); };
  exit = loop.run_until(processes->run(spawn_of(kShapes[0], "sleep 300", mark), std::move(events), {}));
  ASSERT_TRUE(exit.has_value());
  expect_nobody_within_2_s(mark);
  // And the next command is told.
  exit = loop.run_until(processes->run(spawn_of(kShapes[0], "sleep 300", mark), {}, {}));
  ASSERT_FALSE(exit.has_value());
  EXPECT_EQ(exit.error().code, ErrorCode::unavailable);
}

TEST_F(GuardsTest, AKilledZygoteIsReplacedAtTheNextCommand) {
  processes = make_processes(loop, std::move(*Spawner::start()), Spawner::start);
  for (int round = 0; round < 3; ++round) {
    JobEvents events;
    events.started = [&](std::int64_t) { ::kill(child_of(::getpid()), SIGKILL); };
    const auto killed = loop.run_until(processes->run(spawn_of(kShapes[0], "sleep 300", mark), std::move(events), {}));
    ASSERT_TRUE(killed.has_value());
    EXPECT_TRUE(killed->signal);
    Spawn next = spawn_of(kShapes[0], "", mark);
    next.argv = {"true"};
    const auto exit = loop.run_until(processes->run(std::move(next), {}, {}));
    ASSERT_TRUE(exit.has_value()) << exit.error().message;
    EXPECT_EQ(exit->code, 0);
  }
  expect_nobody_within_2_s(mark);
}

TEST_F(GuardsTest, AZygoteThatIsStuckIsReplaced) {
  // Long enough for the next one to answer, also with sanitizers on a busy machine.
  processes = make_processes(loop, std::move(*Spawner::start()), Spawner::start, 3000);
  const int stuck = child_of(::getpid());
  ::kill(stuck, SIGSTOP);
  Spawn next = spawn_of(kShapes[0], "", mark);
  next.argv = {"true"};
  const auto lost = loop.run_until(processes->run(next, {}, {}));
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code, ErrorCode::unavailable);
  const auto exit = loop.run_until(processes->run(next, {}, {}));
  ASSERT_TRUE(exit.has_value()) << exit.error().message;
  EXPECT_EQ(exit->code, 0);
  EXPECT_NE(child_of(::getpid()), stuck);
}

TEST_F(GuardsTest, NobodySurvivesAKilledKeeper) {
  start();
  std::int64_t command = 0;
  JobEvents events;
  std::unique_ptr<Loop::Handle> timer;
  events.started = [&](std::int64_t pid) {
    command = pid;
    timer = loop.after_ms(100, [&] { ::kill(child_of(child_of(::getpid())), SIGKILL); });
  };
  const auto exit = loop.run_until(processes->run(spawn_of(kShapes[0], "sleep 300", mark), std::move(events), {}));
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, 9);
  expect_nobody_within_2_s(mark);
}

TEST_F(GuardsTest, TheEndOfTheServerEndsAll) {
  start();
  const auto exit = loop.run_until(processes->run(spawn_of(kShapes[3], "true", mark), {}, {}));
  ASSERT_TRUE(exit.has_value());
  loop.run_while([&] { return alive(mark).empty(); });  // in the middle of exec a process shows no environment
  processes.reset();
  EXPECT_EQ(alive(mark), std::vector<int>{});
}

}  // namespace
}  // namespace quarterdeck::process
