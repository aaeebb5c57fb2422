#include "lsp/servers.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/async.hpp"
#include "base/paths.hpp"
#include "base/testing/test_loop.hpp"
#include "lsp/client.hpp"

namespace quarterdeck::lsp {
namespace {

namespace fs = std::filesystem;
using Configured = config::Named<config::LanguageServer>;

// A project whose *.x files have a language server that behaves as its mode says (tests/support/language_server.py).
class ServersTest : public ::testing::Test {
 protected:
  ServersTest() {
    std::string pattern = (fs::temp_directory_path() / "qd-lsp-XXXXXX").string();
    root_ = fs::canonical(::mkdtemp(pattern.data()));
    fs::create_directories(root_ / "repo");
    processes_ = process::make_processes(loop_, std::move(*process::Spawner::start()));
  }
  ~ServersTest() override {
    servers_.reset();
    if (hub_) loop_.run_until(hub_->close());
    EXPECT_EQ(processes_->running(), 0u) << "nothing is left behind";
    hub_.reset();
    pool_.reset();
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  config::LanguageServer server(const std::string& mode) {
    return {.command = {"/usr/bin/python3", QD_SOURCE_DIR "/tests/support/language_server.py", mode,
                        (root_ / "log").string()},
            .extensions = std::vector<std::string>{".x"},
            .initialization = domain::JsonText{R"({"a":{"b":[7]}})"}};
  }
  void open(std::optional<Configured> configured, std::function<void(Hub::Options&)> adjust = {}, bool trusted = true) {
    Hub::Options options{.loop = loop_, .pool = *pool_, .processes = *processes_};
    options.start_wait_ms = 5'000;
    options.diagnostics_wait_ms = 5'000;
    if (adjust) adjust(options);
    hub_ = make_hub(options);
    servers_ = hub_->open({.directory = root_ / "repo", .worktree = root_ / "repo", .trusted = trusted}, configured,
                          [this] { ++told_; });
  }
  void open(const std::string& mode, std::function<void(Hub::Options&)> adjust = {}) {
    open(Configured{{"test", server(mode)}}, std::move(adjust));
  }

  fs::path write(const fs::path& name, std::string_view text) {
    const fs::path file = root_ / "repo" / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  void changed(const fs::path& file) { loop_.run_until(servers_->changed({file}, stop_.get_token())); }
  std::string errors(const fs::path& file) {
    for (const auto& each : servers_->diagnostics()) {
      if (each.file == file) return report(file.filename().string(), each.list);
    }
    return "(never named)";
  }
  // How often the server was sent this.
  std::size_t sent(std::string_view what) {
    const std::string log = read_file(root_ / "log").value_or("");
    std::size_t count = 0;
    for (std::size_t at = log.find(what); at != log.npos; at = log.find(what, at + 1)) ++count;
    return count;
  }
  std::int64_t took_ms(const std::function<void()>& work) {
    const std::int64_t began = monotonic_ms();
    work();
    return monotonic_ms() - began;
  }

  static constexpr auto kBad = "<diagnostics file=\"a.x\">\nERROR [2:3] bad word\n</diagnostics>";

  fs::path root_;
  testing::TestLoop loop_;
  std::unique_ptr<BlockingPool> pool_ = make_blocking_pool(2);
  std::unique_ptr<process::Processes> processes_;
  std::unique_ptr<Hub> hub_;
  std::shared_ptr<Servers> servers_;
  std::stop_source stop_;
  int told_ = 0;
};

TEST_F(ServersTest, NoneIsThereUntilTheConfigurationAsksForThem) {
  open(std::nullopt);
  EXPECT_FALSE(servers_->enabled());
  const auto file = write("a.x", "bad");
  changed(file);
  servers_->touch(file);
  EXPECT_TRUE(servers_->status().empty());
  EXPECT_FALSE(loop_.run_until(servers_->available(file)));
}

TEST_F(ServersTest, AChangedFileIsLookedAtAndItsErrorsAreKnown) {
  open("push");
  const auto file = write("a.x", "fine\n  bad\nodd\n");
  changed(file);
  EXPECT_EQ(errors(file), kBad);
  EXPECT_EQ(servers_->status(), (std::vector<ServerStatus>{{"test", "", true}}));
  EXPECT_EQ(told_, 1);
  write("a.x", "fine\n");
  changed(file);
  EXPECT_EQ(errors(file), "");
  EXPECT_EQ(sent("didOpen"), 1u);
  EXPECT_EQ(sent("didChange\""), 1u);
  EXPECT_EQ(sent(R"("end": {"line": 3, "character": 0})"), 1u) << "the whole old text is replaced";
  EXPECT_EQ(sent("textDocument/didSave"), 2u);
  EXPECT_EQ(sent(R"("result": [[7], null, {"a": {"b": [7]}}])"), 1u) << "configuration";
}

TEST_F(ServersTest, ServersThatWantToBeAskedAreAsked) {
  for (const char* mode : {"pull", "register"}) {
    open(mode);
    const auto file = write("a.x", "fine\n  bad\n");
    EXPECT_LT(took_ms([&] { changed(file); }), 4'000);
    EXPECT_EQ(errors(file), kBad) << mode;
    servers_.reset();
    loop_.run_until(hub_->close());
  }
  EXPECT_GE(sent(R"("identifier": "extra")"), 1u);
}

TEST_F(ServersTest, AFileThatIsReadStartsItsServerInTheBackground) {
  open("push");
  const auto file = write("a.x", "bad\n");
  servers_->touch(file);
  EXPECT_TRUE(servers_->diagnostics().empty());
  loop_.run_while([&] { return servers_->diagnostics().empty(); });
  EXPECT_EQ(sent("textDocument/didSave"), 0u);
}

TEST_F(ServersTest, WhatOthersChangedOnDiskIsTold) {
  open("push");
  const auto other = write("b.x", "fine\n");
  changed(other);
  write("b.x", "now bad\n");  // by a command, say
  changed(write("a.x", "fine\n"));
  loop_.run_while([&] { return errors(other).empty(); });
  EXPECT_EQ(errors(other), "<diagnostics file=\"b.x\">\nERROR [1:5] bad word\n</diagnostics>");
}

TEST_F(ServersTest, TheSameTextIsNotToldTwice) {
  open("push");
  const auto file = write("a.x", "fine\n  bad\n");
  changed(file);
  EXPECT_LT(took_ms([&] { changed(file); }), 1'000);
  EXPECT_EQ(errors(file), kBad);
  EXPECT_EQ(sent("didChange\""), 0u);
}

TEST_F(ServersTest, AFileThatIsGoneIsClosedAndForgotten) {
  open("push");
  const auto file = write("a.x", "bad\n");
  changed(file);
  fs::remove(file);
  changed(file);
  EXPECT_EQ(errors(file), "(never named)");
  loop_.run_while([&] { return sent("didClose") == 0; });
}

TEST_F(ServersTest, ASilentServerCostsABoundedTimeAndThenLess) {
  open("silent", [](Hub::Options& options) { options.diagnostics_wait_ms = 1'500; });
  const auto file = write("a.x", "bad\n");
  EXPECT_GE(took_ms([&] { changed(file); }), 1'400);
  changed(file);
  EXPECT_LT(took_ms([&] { changed(file); }), 1'400);
}

TEST_F(ServersTest, OneThatNeverAnswersIsGivenUpWithoutMuchWaiting) {
  open("hang", [](Hub::Options& options) {
    options.start_wait_ms = 300;
    options.start_ms_max = 1'000;
  });
  const auto file = write("a.x", "bad\n");
  EXPECT_LT(took_ms([&] { changed(file); }), 900);
  EXPECT_LT(took_ms([&] { changed(file); }), 200) << "the same start is not waited for twice";
  loop_.run_while([&] { return servers_->status().empty(); });
  EXPECT_EQ(servers_->status(), (std::vector<ServerStatus>{{"test", "", false}}));
  EXPECT_FALSE(loop_.run_until(servers_->available(file)));
  EXPECT_LT(took_ms([&] { changed(file); }), 200);
}

TEST_F(ServersTest, OneThatDiesRestsAndIsGivenUpAfterFourTimes) {
  for (const char* mode : {"die", "garbage"}) {
    open(mode, [](Hub::Options& options) { options.rest_ms = 1; });
    const auto file = write("a.x", "bad\n");
    for (int i = 0; i < 4; ++i) {
      EXPECT_TRUE(servers_->status().empty()) << mode << i;
      changed(file);
      loop_.run_for_ms(20);
    }
    loop_.run_while([&] { return servers_->status().empty(); });
    EXPECT_EQ(servers_->status(), (std::vector<ServerStatus>{{"test", "", false}})) << mode;
    servers_.reset();
    loop_.run_until(hub_->close());
  }
}

TEST_F(ServersTest, ACrashWhileWeWaitEndsTheWaitAndTheNextFileStartsItAgain) {
  open("crash", [](Hub::Options& options) { options.rest_ms = 1; });
  const auto file = write("a.x", "fine\n");
  changed(file);
  write("a.x", "fine\n  bad\n");
  EXPECT_LT(took_ms([&] { changed(file); }), 3'000);
  loop_.run_while([&] { return !servers_->status().empty(); });
  loop_.run_for_ms(20);
  changed(file);
  EXPECT_EQ(errors(file), kBad);
}

TEST_F(ServersTest, AFloodIsSurvivedAndItsMemoryBounded) {
  open("flood", [](Hub::Options& options) { options.diagnostics_wait_ms = 20'000; });
  const auto file = write("a.x", "fine\n");
  changed(file);
  EXPECT_LE(servers_->diagnostics().size(), 2'064u) << "2,000, and the open ones";
  EXPECT_EQ(servers_->status().size(), 1u);
}

TEST_F(ServersTest, OneThatDoesNotReadIsEnded) {
  open("deaf", [](Hub::Options& options) { options.diagnostics_wait_ms = 300; });
  const std::string text(3 << 20, 'x');
  for (int i = 0; i < 8; ++i) changed(write(fmt::format("{}.x", i), text));
  loop_.run_while([&] { return !servers_->status().empty(); });
}

TEST_F(ServersTest, AnAbortEndsTheWait) {
  open("silent");
  const auto file = write("a.x", "bad\n");
  const auto timer = loop_.after_ms(500, [this] { stop_.request_stop(); });
  EXPECT_LT(took_ms([&] { changed(file); }), 3'000);
}

TEST_F(ServersTest, AnUnusedServerIsStoppedAndComesBack) {
  open("push", [](Hub::Options& options) { options.idle_ms = 300; });
  const auto file = write("a.x", "fine\n  bad\n");
  changed(file);
  EXPECT_EQ(processes_->running(), 1u);
  loop_.run_while([&] { return processes_->running() > 0; });
  EXPECT_TRUE(servers_->status().empty());
  EXPECT_EQ(sent("\"shutdown\""), 1u) << "it is asked to end first";
  changed(file);
  EXPECT_EQ(errors(file), kBad);
}

TEST_F(ServersTest, NoMoreRunThanMay) {
  auto second = server("push");
  second.extensions = std::vector<std::string>{".y"};
  open(Configured{{"test", server("push")}, {"second", second}},
       [](Hub::Options& options) { options.running_max = 1; });
  changed(write("a.x", "bad\n"));
  changed(write("a.y", "bad\n"));
  EXPECT_EQ(servers_->status(), (std::vector<ServerStatus>{{"test", "", true}}));
}

TEST_F(ServersTest, ItIsAskedForSymbols) {
  open("push");
  const auto file = write("a.x", "one\ntwo\n");
  EXPECT_TRUE(loop_.run_until(servers_->ask(std::nullopt, "workspace/symbol", {R"({"query":"q"})"})).empty());
  const auto places = loop_.run_until(servers_->ask(
      file, "textDocument/documentSymbol", {fmt::format(R"({{"textDocument":{{"uri":"{}"}}}})", uri_of(file))}));
  ASSERT_EQ(places.size(), 1u);
  EXPECT_TRUE(places[0].text.contains("\"middle\""));
  const auto symbols =
      workspace_symbols(loop_.run_until(servers_->ask(std::nullopt, "workspace/symbol", {R"({"query":"q"})"})));
  EXPECT_TRUE(symbols.text.starts_with(R"([{"name":"q12","kind":12)")) << symbols.text;
  EXPECT_EQ(std::ranges::count(symbols.text, 'q'), 10) << "kind 1 is left out, and more than ten";
  EXPECT_TRUE(loop_.run_until(servers_->ask(file, "no/such", {"{}"})).empty());
}

TEST_F(ServersTest, FilesOutsideTheProjectHaveNone) {
  open("push");
  std::ofstream(root_ / "outside.x") << "bad\n";
  changed(root_ / "outside.x");
  EXPECT_EQ(processes_->running(), 0u);
}

TEST_F(ServersTest, AProgramThatIsNotThereIsGivenUp) {
  auto missing = server("push");
  missing.command = {"/no/such/server"};
  open(Configured{{"test", missing}});
  changed(write("a.x", "bad\n"));
  loop_.run_while([&] { return servers_->status().empty(); });
  EXPECT_FALSE(servers_->status()[0].connected);
}

TEST_F(ServersTest, ClosingDoesNotWaitForAStart) {
  open("hang");
  servers_->touch(write("a.x", "bad\n"));
  loop_.run_while([&] { return processes_->running() == 0; });
  servers_.reset();
  EXPECT_LT(took_ms([&] { loop_.run_until(hub_->close()); }), 4'000);
}

TEST(Root, IsTheNearestMarkersOrTheDirectory) {
  std::string pattern = (fs::temp_directory_path() / "qd-root-XXXXXX").string();
  const fs::path top = fs::canonical(::mkdtemp(pattern.data()));
  const Place place{.directory = top, .worktree = top};
  fs::create_directories(top / "a/b/c");
  const auto touch = [&](const char* name) { std::ofstream(top / name) << ""; };
  const auto root = [&](const char* id, const char* file) { return root_of(*find_known(id), top / file, place); };
  EXPECT_EQ(root("clangd", "a/b/c/x.c"), top);
  touch("a/b/compile_flags.txt");
  EXPECT_EQ(root("clangd", "a/b/c/x.c"), top / "a/b");
  EXPECT_EQ(root("clangd", "a/x.c"), top);
  touch("a/go.work");
  touch("a/b/go.mod");
  EXPECT_EQ(root("gopls", "a/b/x.go"), top / "a") << "the workspace before the module";
  EXPECT_EQ(root("deno", "a/x.ts"), std::nullopt);
  EXPECT_EQ(root("typescript", "a/x.ts"), top);
  touch("a/deno.json");
  EXPECT_EQ(root("deno", "a/b/x.ts"), top / "a");
  EXPECT_EQ(root("typescript", "a/b/x.ts"), std::nullopt);
  touch("a/b/main.tf");
  EXPECT_EQ(root("terraform", "a/b/c/x.tf"), top / "a/b");
  std::ofstream(top / "a/Cargo.toml") << "[workspace]\n";
  touch("a/b/Cargo.toml");
  EXPECT_EQ(root("rust", "a/b/c/x.rs"), top / "a");
  EXPECT_EQ(root("jdtls", "a/x.java"), std::nullopt);
  EXPECT_EQ(root("bash", "a/x.sh"), top);
  fs::remove_all(top);
}

TEST(Known, ServersThatRunTheProjectsCodeNeedTrust) {
  for (const char* id : {"rust", "typescript", "eslint", "jdtls", "zls"}) {
    EXPECT_TRUE(find_known(id)->runs_code_of_the_project) << id;
    EXPECT_FALSE(find_launch(*find_known(id), "/", {"/", "/", false})) << id;
  }
  EXPECT_FALSE(find_known("clangd")->runs_code_of_the_project);
}

TEST(Known, LanguagesHaveNames) {
  EXPECT_EQ(language_of("/a.cc"), "cpp");
  EXPECT_EQ(language_of("/a.tsx"), "typescriptreact");
  EXPECT_EQ(language_of("/Dockerfile"), "dockerfile");
  EXPECT_EQ(language_of("/a.c"), "c");
  EXPECT_EQ(language_of("/a.what"), "plaintext");
}

}  // namespace
}  // namespace quarterdeck::lsp
