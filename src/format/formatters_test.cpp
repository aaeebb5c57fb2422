#include "format/formatters.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/async.hpp"
#include "base/paths.hpp"
#include "base/testing/test_loop.hpp"

namespace quarterdeck::format {
namespace {

namespace fs = std::filesystem;
using Configured = config::Named<config::Formatter>;

// A project with its own PATH, in which programs are what a test writes there.
class FormattersTest : public ::testing::Test {
 protected:
  FormattersTest() {
    std::string pattern = (fs::temp_directory_path() / "qd-format-XXXXXX").string();
    root_ = fs::canonical(::mkdtemp(pattern.data()));
    fs::create_directories(root_ / "repo/inner");
    fs::create_directories(root_ / "bin");
    path_ = std::getenv("PATH");
    ::setenv("PATH", ((root_ / "bin").string() + ":" + path_).c_str(), 1);
    processes_ = process::make_processes(loop_, std::move(*process::Spawner::start()));
  }
  ~FormattersTest() override {
    ::setenv("PATH", path_.c_str(), 1);
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  fs::path write(const fs::path& name, std::string_view text) {
    const fs::path file = root_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  void program(const fs::path& name, std::string_view script) {
    fs::permissions(write(name, "#!/bin/sh\n" + std::string(script) + "\n"), fs::perms::owner_all);
  }
  std::string text(const fs::path& name) { return read_file(root_ / name).value_or("<missing>"); }

  std::shared_ptr<Formatters> make(std::optional<Configured> configured, bool trusted = true) {
    const Options options{.loop = loop_, .pool = *pool_, .processes = *processes_, .formatter_ms_max = 500};
    return make_formatters(options, {.directory = root_ / "repo/inner", .worktree = root_ / "repo", .trusted = trusted},
                           configured);
  }
  bool run(Formatters& formatters, const fs::path& name) {
    return loop_.run_until(formatters.format(root_ / name, stop_.get_token()));
  }
  bool enabled(Formatters& formatters, std::string_view name) {
    for (const auto& each : loop_.run_until(formatters.status())) {
      if (each.name == name) return each.enabled;
    }
    ADD_FAILURE() << "no formatter " << name;
    return false;
  }
  static config::Formatter command(std::vector<std::string> command, std::vector<std::string> extensions) {
    return {.command = std::move(command), .extensions = std::move(extensions)};
  }

  fs::path root_;
  std::string path_;
  testing::TestLoop loop_;
  std::unique_ptr<BlockingPool> pool_ = make_blocking_pool(2);
  std::unique_ptr<process::Processes> processes_;
  std::stop_source stop_;
};

TEST_F(FormattersTest, NoneRunsUntilTheConfigurationAsksForThem) {
  program("bin/gofmt", "echo formatted > \"$2\"");
  write("repo/inner/a.go", "old\n");
  const auto off = make(std::nullopt);
  EXPECT_TRUE(loop_.run_until(off->status()).empty());
  EXPECT_FALSE(run(*off, "repo/inner/a.go"));
  const auto on = make(Configured{});
  EXPECT_TRUE(run(*on, "repo/inner/a.go"));
  EXPECT_EQ(text("repo/inner/a.go"), "formatted\n");
  EXPECT_FALSE(run(*on, "repo/inner/a.unknown"));
  EXPECT_FALSE(run(*on, "repo/inner/.go")) << "a hidden file has no extension";
}

TEST_F(FormattersTest, KnowsOpenCodesTable) {
  std::vector<std::string> names;
  const auto all = make(Configured{});
  for (const auto& each : loop_.run_until(all->status())) names.push_back(each.name);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "zig",     "uv",   "terraform",   "standardrb",   "shfmt",          "rustfmt", "ruff",
                       "rubocop", "air",  "prettier",    "pint",         "oxfmt",          "ormolu",  "ocamlformat",
                       "nixfmt",  "mix",  "latexindent", "ktlint",       "htmlbeautifier", "gofmt",   "gleam",
                       "dfmt",    "dart", "cljfmt",      "clang-format", "biome"}));
}

TEST_F(FormattersTest, SeveralRunOneAfterTheOtherInOrder) {
  write("repo/inner/a.x", "");
  auto first = command({"sh", "-c", "printf \"$WHO $PWD\\n\" >> \"$1\"", "sh", "$FILE"}, {".x"});
  first.environment = {{"WHO", "first"}};
  const auto all = make(Configured{{"1", first}, {"2", command({"sh", "-c", "echo second >> $FILE"}, {".x", ".y"})}});
  EXPECT_TRUE(run(*all, "repo/inner/a.x"));
  EXPECT_EQ(text("repo/inner/a.x"), "first " + (root_ / "repo/inner").string() + "\nsecond\n");
}

TEST_F(FormattersTest, AFailingOneFailsNothingElse) {
  write("repo/inner/a.x", "");
  const auto all = make(Configured{{"1", command({"sh", "-c", "echo repaired >> $FILE; exit 3"}, {".x"})},
                                   {"2", command({"/no/such/program", "$FILE"}, {".x"})},
                                   {"3", command({"sh", "-c", "echo last >> $FILE"}, {".x"})}});
  EXPECT_TRUE(run(*all, "repo/inner/a.x"));
  EXPECT_EQ(text("repo/inner/a.x"), "repaired\nlast\n");
}

TEST_F(FormattersTest, OneThatIsKilledLeavesTheFileAsItWas) {
  write("repo/inner/a.x", "whole");
  const auto slow = make(Configured{{"slow", command({"sh", "-c", "printf half > $FILE; sleep 60"}, {".x"})}});
  EXPECT_TRUE(run(*slow, "repo/inner/a.x"));
  EXPECT_EQ(text("repo/inner/a.x"), "whole");
  EXPECT_EQ(processes_->running(), 0u);
}

TEST_F(FormattersTest, TheConfigurationChangesAndRemoves) {
  program("bin/shfmt", "exit 0");
  const auto all = make(Configured{{"shfmt", {.extensions = std::vector<std::string>{".zsh"}}},
                                   {"gofmt", {.disabled = true}},
                                   {"uv", {.disabled = true}},
                                   {"mine", {.extensions = std::vector<std::string>{".m"}}}});
  bool shell = false, mine = false;
  for (const auto& each : loop_.run_until(all->status())) {
    EXPECT_NE(each.name, "gofmt");
    EXPECT_NE(each.name, "ruff") << "switching off uv means both";
    EXPECT_NE(each.name, "uv");
    if (each.name == "shfmt") shell = each == FormatterStatus{"shfmt", {".zsh"}, true};
    if (each.name == "mine") mine = each == FormatterStatus{"mine", {".m"}, false};
  }
  EXPECT_TRUE(shell);
  EXPECT_TRUE(mine) << "without a command it cannot run";
}

TEST_F(FormattersTest, SomeNeedWhatTheProjectSays) {
  for (const char* name : {"clang-format", "biome", "ruff", "ocamlformat", "prettier"}) {
    program(fs::path("bin") / name, "exit 0");
  }
  program("bin/uv", "exit 0");
  const auto all = make(Configured{});
  for (const char* name : {"clang-format", "biome", "ruff", "ocamlformat", "prettier"}) {
    EXPECT_FALSE(enabled(*all, name)) << name;
  }
  EXPECT_TRUE(enabled(*make(Configured{}), "uv"));
  write("repo/.clang-format", "");
  write("repo/inner/biome.jsonc", "{}");
  write("repo/pyproject.toml", "[tool.ruff]\n");
  write("repo/inner/.ocamlformat", "");
  write("repo/package.json", R"({"devDependencies":{"prettier":"3"}})");
  for (const char* name : {"clang-format", "biome", "ruff", "ocamlformat", "prettier"}) {
    EXPECT_TRUE(enabled(*all, name)) << name << ": what was missing is looked for again";
  }
  EXPECT_FALSE(enabled(*make(Configured{}), "uv")) << "where ruff is set up";
  write("repo/package.json", "{ not JSON");
  EXPECT_FALSE(enabled(*make(Configured{}), "prettier"));
}

TEST_F(FormattersTest, AnUntrustedProjectRunsNoCodeOfItsOwn) {
  program("bin/prettier", "echo installed > \"$2\"");
  program("bin/biome", "echo installed > \"$3\"");
  program("bin/rubocop", "exit 0");
  program("repo/node_modules/.bin/biome", "echo 'from the project' > \"$3\"");
  program("repo/inner/vendor/bin/pint", "exit 0");
  write("repo/biome.json", "{}");
  write("repo/package.json", R"({"dependencies":{"prettier":"3"}})");
  write("repo/composer.json", R"({"require-dev":{"laravel/pint":"1"}})");
  write("repo/inner/a.ts", "");
  const auto untrusted = make(Configured{}, false);
  for (const char* name : {"prettier", "rubocop", "pint"}) EXPECT_FALSE(enabled(*untrusted, name)) << name;
  EXPECT_TRUE(run(*untrusted, "repo/inner/a.ts"));
  EXPECT_EQ(text("repo/inner/a.ts"), "installed\n");
  const auto trusted = make(Configured{});
  for (const char* name : {"prettier", "rubocop", "pint"}) EXPECT_TRUE(enabled(*trusted, name)) << name;
  EXPECT_TRUE(run(*trusted, "repo/inner/a.ts"));
  EXPECT_EQ(text("repo/inner/a.ts"), "from the project\n");
}

TEST_F(FormattersTest, AnAbortEndsIt) {
  write("repo/inner/a.x", "whole");
  const auto slow = make(Configured{{"slow", command({"sh", "-c", "printf half > $FILE; sleep 60"}, {".x"})}});
  const auto timer = loop_.after_ms(100, [this] { stop_.request_stop(); });
  run(*slow, "repo/inner/a.x");
  EXPECT_EQ(text("repo/inner/a.x"), "whole");
}

}  // namespace
}  // namespace quarterdeck::format
