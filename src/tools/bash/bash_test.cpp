#include "tools/bash/bash.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/testing/test_loop.hpp"
#include "tools/bash/output.hpp"
#include "wire/json.hpp"

namespace quarterdeck::tools {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

class FakeHost final : public ToolHost {
 public:
  Task<std::expected<void, ToolFailure>> ask(PermissionAsk ask) override {
    asks.push_back(std::move(ask));
    if (refusal) co_return std::unexpected(*refusal);
    co_return std::expected<void, ToolFailure>();
  }
  void progress(std::optional<std::string>, std::optional<domain::JsonText> metadata) override {
    if (metadata) shown.push_back(wire::string_at(*wire::parse(metadata->text), "output"));
    if (on_progress) on_progress();
  }
  void process_started(std::int64_t pid) override { pids.push_back(pid); }
  void file_edited(const fs::path&) override {}
  Task<Result<void>> set_todos(std::vector<domain::Todo>) override { co_return Result<void>(); }

  std::vector<PermissionAsk> asks;
  std::optional<ToolFailure> refusal;
  Texts shown;
  std::vector<std::int64_t> pids;
  std::function<void()> on_progress;
};

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string sequence(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += std::to_string(i) + "\n";
  return text;
}

class BashTest : public ::testing::Test {
 protected:
  BashTest() {
    ::setenv("SHELL", "/bin/bash", 1);
    processes = process::make_processes(loop, std::move(*process::Spawner::start()));
    std::string name = (fs::temp_directory_path() / "qd-bash-XXXXXX").string();
    root = fs::canonical(::mkdtemp(name.data()));
    fs::create_directories(root / "work/sub");
    fs::create_directories(root / "outside");
  }
  ~BashTest() override {
    processes.reset();
    fs::remove_all(root);
  }

  ToolResult run(const wire::JsonObject& arguments, std::stop_token stop = {}) {
    ToolContext context{.session_id = {"ses_1"},
                        .message_id = {"msg_1"},
                        .call_id = "call_1",
                        .agent = "build",
                        .directory = root / "work",
                        .worktree = root / "work",
                        .output_dir = root / "data/tool-output",
                        .stop = stop,
                        .host = host,
                        .loop = loop,
                        .pool = *pool,
                        .processes = *processes,
                        .ids = ids};
    return loop.run_until(tool->run(wire::to_json_text(arguments), context));
  }
  ToolOutput output(const wire::JsonObject& arguments, std::stop_token stop = {}) {
    auto result = run(arguments, stop);
    EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
    metadata = result ? *wire::parse(result->metadata.text) : wire::Json();
    return result ? *result : ToolOutput{};
  }
  ToolFailure failure(const wire::JsonObject& arguments) {
    auto result = run(arguments);
    EXPECT_FALSE(result.has_value());
    return result ? ToolFailure{} : result.error();
  }
  std::string shell(std::string_view command) { return output({{"command", command}}).output; }

  testing::TestLoop loop;
  std::unique_ptr<process::Processes> processes;
  std::unique_ptr<BlockingPool> pool = make_blocking_pool(2);
  IdSource ids{system_clock(), system_random()};
  std::unique_ptr<Tool> tool = make_bash();
  FakeHost host;
  fs::path root;
  wire::Json metadata;
};

TEST_F(BashTest, AnswersWithOutputExitAndTheCommandAsTitle) {
  const auto result = output({{"command", "echo a; echo b >&2; exit 3"}});
  EXPECT_EQ(result.title, "echo a; echo b >&2; exit 3");
  EXPECT_EQ(result.output, "a\nb\n");
  EXPECT_EQ(wire::to_text(metadata), R"({"output":"a\nb\n","exit":3,"truncated":false})");
  EXPECT_EQ(host.pids.size(), 1U);
}

TEST_F(BashTest, KeepsTheOutputAsItIs) {
  EXPECT_EQ(shell("printf '\\n\\n  abc  \\n\\n'"), "\n\n  abc  \n\n");
  EXPECT_EQ(shell("printf abc"), "abc");
  EXPECT_EQ(shell("printf 'a\\r\\nb\\033[31m\\n'"), "a\r\nb\033[31m\n");
  EXPECT_EQ(shell("printf 'a\\0b\\n'"), std::string("a\0b\n", 4));
  EXPECT_EQ(shell("printf 'a\\xff\\xfeb\\n'"),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b\n");
  EXPECT_EQ(shell("printf '\\xef\\xbb\\xbfx\\n'"), "x\n");
  EXPECT_EQ(shell("cat; echo rc $?"), "rc 0\n");
}

TEST_F(BashTest, SaysWhenThereIsNoOutput) {
  EXPECT_EQ(shell("false"), "(no output)");
  EXPECT_EQ(wire::to_text(metadata), R"json({"output":"(no output)","exit":1,"truncated":false})json");
}

TEST_F(BashTest, SpeaksOfSignalsAsShellsDo) {
  shell("kill -9 $$");
  EXPECT_EQ(wire::int_at(metadata, "exit"), 137);
}

TEST_F(BashTest, RunsInTheDirectoryAskedFor) {
  const std::string work = (root / "work").string();
  EXPECT_EQ(shell("pwd"), work + "\n");
  EXPECT_EQ(output({{"command", "pwd"}, {"workdir", "sub"}}).output, work + "/sub\n");
  EXPECT_EQ(output({{"command", "pwd"}, {"workdir", work + "/sub"}}).output, work + "/sub\n");
}

TEST_F(BashTest, FailsInTheWordsThatModelsKnow) {
  std::ofstream(root / "work/f") << "x";
  EXPECT_EQ(failure({{"command", "pwd"}, {"workdir", "nosuch"}}).message,
            "NotFound: FileSystem.access (" + (root / "work/nosuch").string() + ")");
  const auto in_file = failure({{"command", "pwd"}, {"workdir", "f"}});
  EXPECT_EQ(in_file.message, "ENOTDIR: not a directory, posix_spawn '/bin/bash'");
  EXPECT_EQ(in_file.metadata->text, R"({"output":""})");
  EXPECT_EQ(failure({{"command", ""}}).message, "The argument 'file' cannot be empty. Received ''");
  const auto invalid = [this](const wire::JsonObject& arguments) {
    const std::string message = failure(arguments).message;
    const auto begin = message.find("SchemaError(") + 12;
    return message.substr(begin, message.find(").\n") - begin);
  };
  EXPECT_EQ(invalid({}), "Missing key\n  at [\"command\"]");
  EXPECT_EQ(invalid({{"command", 5}}), "Expected string, got 5\n  at [\"command\"]");
  EXPECT_EQ(invalid({{"command", "x"}, {"timeout", 0}}), "Expected a value greater than 0, got 0\n  at [\"timeout\"]");
  EXPECT_EQ(invalid({{"command", "x"}, {"timeout", 1.5}}), "Expected an integer, got 1.5\n  at [\"timeout\"]");
  EXPECT_EQ(invalid({{"command", "x"}, {"timeout", "1"}}),
            "Expected number | undefined, got \"1\"\n  at [\"timeout\"]");
}

TEST_F(BashTest, AsksOnceForEverySimpleCommand) {
  shell("echo a && git status --short | wc -l; cd sub; echo a; cat $(echo f) 2>/dev/null");
  ASSERT_EQ(host.asks.size(), 1U);
  EXPECT_EQ(host.asks[0].permission, "bash");
  EXPECT_EQ(host.asks[0].patterns,
            (Texts{"echo a", "git status --short", "wc -l", "cat $(echo f) 2>/dev/null", "echo f"}));
  EXPECT_EQ(host.asks[0].always, (Texts{"echo *", "git status *", "wc *", "cat *"}));
  EXPECT_EQ(host.asks[0].metadata.text,
            R"({"command":"echo a && git status --short | wc -l; cd sub; echo a; cat $(echo f) 2>/dev/null"})");
}

TEST_F(BashTest, AsksNothingWhenNothingRuns) {
  for (const auto* command : {"cd sub", "X=1", "# nothing"}) shell(command);
  EXPECT_TRUE(host.asks.empty());
}

TEST_F(BashTest, AlwaysMeansNothingForALineThatIsNotUnderstood) {
  shell("echo \"unterminated");
  ASSERT_EQ(host.asks.size(), 1U);
  EXPECT_EQ(host.asks[0].patterns, Texts{"(not understood) echo \"unterminated"});
  EXPECT_EQ(host.asks[0].always, Texts{});
}

TEST_F(BashTest, AsksForDirectoriesOutsideFirst) {
  const std::string outside = (root / "outside").string();
  std::ofstream(root / "outside/o.txt") << "x";
  fs::create_symlink(root / "outside/o.txt", root / "work/link");
  const auto directories = [&](const wire::JsonObject& arguments) {
    host.asks.clear();
    (void)run(arguments);
    if (host.asks.empty() || host.asks[0].permission != "external_directory") return Texts{};
    EXPECT_EQ(host.asks[0].patterns, host.asks[0].always);
    return host.asks[0].patterns;
  };
  const Texts expected{outside + "/*"};
  EXPECT_EQ(directories({{"command", "cat " + outside + "/o.txt"}}), expected);
  EXPECT_EQ(host.asks[0].metadata.text, R"({"command":"cat )" + outside + R"(/o.txt","directories":[")" + outside +
                                            R"("],"patterns":[")" + outside + R"(/*"]})");
  EXPECT_EQ(host.asks.at(1).permission, "bash");
  EXPECT_EQ(directories({{"command", "cd " + outside + " && ls"}}), expected);
  EXPECT_EQ(directories({{"command", "cat \"" + outside + "\"/*.txt ../outside/o.txt"}}), expected);
  EXPECT_EQ(directories({{"command", "pwd"}, {"workdir", outside}}), expected);
  EXPECT_EQ(directories({{"command", "cat link"}}), expected);
  EXPECT_EQ(directories({{"command", "touch nosuch -x; cat " + (root / "work/sub").string() + "/a"}}), Texts{});
  EXPECT_EQ(directories({{"command", "X=" + outside + "; cat $X/o.txt; ls " + outside}}), Texts{});
  EXPECT_EQ(directories({{"command", "cat /etc/hostname /etc/nosuch"}}), Texts{"/etc/*"});
}

TEST_F(BashTest, ARefusalStartsNothing) {
  host.refusal = ToolFailure{.kind = ToolFailure::Kind::rejected, .message = "no"};
  EXPECT_EQ(failure({{"command", "touch x"}}).kind, ToolFailure::Kind::rejected);
  EXPECT_FALSE(fs::exists(root / "work/x"));
}

TEST_F(BashTest, TimeoutKeepsWhatWasSaidAndTellsTheModel) {
  const std::string note =
      "\n\n<shell_metadata>\nshell tool terminated command after exceeding timeout 200 ms. If this command is expected "
      "to take "
      "longer and is not waiting for interactive input, retry with a larger timeout value in "
      "milliseconds.\n</shell_metadata>";
  EXPECT_EQ(output({{"command", "echo start; sleep 50"}, {"timeout", 200}}).output, "start\n" + note);
  EXPECT_EQ(wire::to_text(metadata), R"({"output":"start\n","exit":null,"truncated":false})");
  const auto silent = output({{"command", "sleep 50"}, {"timeout", 200}});
  EXPECT_EQ(silent.output, "(no output)" + note);
  EXPECT_EQ(wire::string_at(metadata, "output"), silent.output);
}

TEST_F(BashTest, AbortKeepsWhatWasSaid) {
  std::stop_source stop;
  host.on_progress = [&] {
    if (host.shown.back() == "start\n") stop.request_stop();
  };
  EXPECT_EQ(output({{"command", "echo start; sleep 50"}}, stop.get_token()).output,
            "start\n\n\n<shell_metadata>\nUser aborted the command\n</shell_metadata>");
  EXPECT_TRUE(wire::value_at(metadata, "exit")->is_null());
}

TEST_F(BashTest, ShowsTheOutputWhileItGrows) {
  shell("echo one; sleep 0.3; echo two");
  ASSERT_GE(host.shown.size(), 2U);
  EXPECT_EQ(host.shown[0], "");
  EXPECT_EQ(host.shown[1], "one\n");
  host.shown.clear();
  shell("seq 200000");
  EXPECT_LT(host.shown.size(), 100U) << "not once a chunk";
}

TEST_F(BashTest, KeepsTheLastTwoThousandLinesAndSavesTheRest) {
  EXPECT_EQ(shell("seq 1999"), sequence(1, 1999));
  EXPECT_FALSE(fs::exists(root / "data"));
  const auto result = output({{"command", "seq 2000; exit 4"}});
  const std::string file = wire::string_at(metadata, "outputPath");
  EXPECT_TRUE(file.starts_with((root / "data/tool-output/tool_").string()));
  EXPECT_EQ(result.output, "...output truncated...\n\nFull output saved to: " + file + "\n\n" + sequence(2, 2000));
  EXPECT_EQ(read(file), sequence(1, 2000));
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(wire::string_at(metadata, "output"), sequence(1, 2000)) << "clients get up to 30,000 characters";
  EXPECT_EQ(wire::int_at(metadata, "exit"), 4);
  EXPECT_TRUE(wire::value_at(metadata, "truncated")->get_bool());
}

TEST_F(BashTest, KeepsTheLastFiftyKilobytes) {
  EXPECT_EQ(shell("head -c 51200 /dev/zero | tr '\\0' a"), std::string(51'200, 'a'));
  EXPECT_TRUE(wire::string_at(metadata, "output").starts_with("...\n\naaa"));
  EXPECT_EQ(wire::string_at(metadata, "output").size(), 30'005U);
  const auto one_line = output({{"command", "head -c 3000000 /dev/zero | tr '\\0' a"}}).output;
  EXPECT_TRUE(one_line.starts_with("...output truncated..."));
  EXPECT_TRUE(one_line.ends_with("\n\n" + std::string(51'200, 'a')));
  EXPECT_EQ(fs::file_size(wire::string_at(metadata, "outputPath")), 3'000'000U);
}

TEST_F(BashTest, SavesALongOutputWholeAndInOrder) {
  shell("seq 1000000");
  EXPECT_EQ(read(wire::string_at(metadata, "outputPath")), sequence(1, 1'000'000));
}

TEST_F(BashTest, WhatItLeavesInTheBackgroundLivesUntilTheSessionEnds) {
  const int pid = std::atoi(shell("sleep 300 & echo $!").c_str());
  ASSERT_GT(pid, 1);
  const fs::path process = "/proc/" + std::to_string(pid);
  loop.run_for_ms(20);
  EXPECT_TRUE(fs::exists(process));
  processes->kill_owner("ses_1");
  loop.run_while([&] { return fs::exists(process); }, 2'000);
}

TEST(BashTail, TakesWholeLinesFromTheEnd) {
  using bash::cut_tail;
  EXPECT_EQ(cut_tail("a\nb\nc\n", 3, 100), "b\nc\n");
  EXPECT_EQ(cut_tail("a\nb\nc", 2, 100), "b\nc");
  EXPECT_EQ(cut_tail("a\nb\nc", 9, 100), "a\nb\nc");
  EXPECT_EQ(cut_tail("aaa\nbb\nc", 9, 4), "bb\nc");
  EXPECT_EQ(cut_tail("aaa\nbb\nc", 9, 3), "c");
  EXPECT_EQ(cut_tail("\n\n\n", 2, 100), "\n");
  EXPECT_EQ(cut_tail("", 2, 100), "");
  EXPECT_EQ(cut_tail("x\naäöü", 9, 5), "öü") << "at the beginning of a character";
}

TEST(BashTail, PreviewCountsAsJavaScriptDoes) {
  EXPECT_EQ(bash::preview(std::string(30'000, 'a')), std::string(30'000, 'a'));
  EXPECT_EQ(bash::preview(std::string(30'001, 'a')), "...\n\n" + std::string(30'000, 'a'));
  std::string faces;
  for (int i = 0; i < 15'001; ++i) faces += "😀";
  EXPECT_EQ(bash::preview(faces).size(), 5U + 15'000 * 4);
}

}  // namespace
}  // namespace quarterdeck::tools
