#include "process/terminal.hpp"

#include <gtest/gtest.h>

#include "base/testing/test_loop.hpp"
#include "process/process.hpp"

namespace quarterdeck::process {
namespace {

class TerminalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto spawner = Spawner::start();
    ASSERT_TRUE(spawner.has_value());
    processes = make_processes(loop, std::move(*spawner));
    auto opened =
        Terminal::open(loop, {.rows = 30, .columns = 90}, [this](std::string_view bytes) { screen += bytes; });
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    terminal = std::move(*opened);
  }

  Result<Exit> run(std::string script, std::stop_token stop = {}) {
    Spawn spawn;
    spawn.argv = {"bash", "-c", std::move(script)};
    spawn.directory = "/";
    spawn.environment = tool_environment();
    spawn.terminal_fd = terminal->command_end();
    JobEvents events;
    events.started = [this](std::int64_t) {
      terminal->started();
      if (when_started) when_started();
    };
    auto exit = loop.run_until(processes->run(std::move(spawn), std::move(events), stop));
    terminal->drain();
    return exit;
  }

  testing::TestLoop loop;
  std::unique_ptr<Processes> processes;
  std::unique_ptr<Terminal> terminal;
  std::function<void()> when_started;
  std::string screen;
};

TEST_F(TerminalTest, IsTheCommandsControllingTerminalOfTheSizeAskedFor) {
  EXPECT_EQ(run("test -t 0 && test -t 1 && test -t 2 && stty size </dev/tty"), (Exit{.code = 0}));
  EXPECT_EQ(screen, "30 90\r\n");
}

TEST_F(TerminalTest, TellsTheCommandOfItsNewSize) {
  when_started = [this] { terminal->resize({.rows = 11, .columns = 22}); };
  EXPECT_EQ(run("trap 'stty size; exit 5' WINCH; [ \"$(stty size)\" = '11 22' ] && kill -WINCH $$; "
                "while :; do sleep 0.01; done"),
            (Exit{.code = 5}));
  EXPECT_EQ(screen, "11 22\r\n");
}

TEST_F(TerminalTest, InterruptsTheCommandWhenControlCIsTyped) {
  when_started = [this] { EXPECT_TRUE(terminal->write("go\n")); };
  // The terminal makes a signal of it only when the command is there to get it: it says so first.
  std::function<void()> type = [&] {
    if (screen.contains("ready")) return void(terminal->write("\x03"));
    loop.post([&] { type(); });
  };
  loop.post([&] { type(); });
  const auto exit = run("read line; echo ready; exec sleep 100");
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGINT);
}

TEST_F(TerminalTest, FeedsALongPasteAsFastAsItIsRead) {
  const std::size_t lines = 3'000;
  std::string paste;
  for (std::size_t i = 0; i < lines; ++i) paste += "a line that is pasted\n";
  when_started = [&] { EXPECT_TRUE(terminal->write(paste)); };
  EXPECT_EQ(run("stty -echo; n=0; while [ $n -lt 3000 ]; do read line; n=$((n+1)); done; echo got $n"),
            (Exit{.code = 0}));
  EXPECT_TRUE(screen.ends_with("got 3000\r\n")) << screen.substr(screen.size() > 80 ? screen.size() - 80 : 0);
}

TEST_F(TerminalTest, TakesNoMoreThanItsBoundOfACommandThatReadsNothing) {
  const std::string much(Terminal::kInputBytesMax, 'x');
  EXPECT_TRUE(terminal->write(much));
  EXPECT_TRUE(terminal->write("y"));  // a little went to the kernel
  EXPECT_FALSE(terminal->write(much));
}

TEST_F(TerminalTest, GivesAllThatTheCommandWroteBeforeItEnded) {
  EXPECT_EQ(run("seq 1 5000"), (Exit{.code = 0}));
  EXPECT_TRUE(screen.ends_with("4999\r\n5000\r\n"));
  EXPECT_EQ(std::count(screen.begin(), screen.end(), '\n'), 5000);
}

TEST_F(TerminalTest, EndsAnInteractiveShellThatIgnoresTermination) {
  std::stop_source stop;
  std::function<void()> end_it = [&] {
    if (screen.contains("up")) return void(stop.request_stop());
    loop.post([&] { end_it(); });
  };
  loop.post([&] { end_it(); });
  const auto exit = run("trap '' TERM HUP; echo up; sleep 100 & wait", stop.get_token());
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->cancelled);
}

}  // namespace
}  // namespace quarterdeck::process
