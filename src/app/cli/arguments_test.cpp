#include "app/cli/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarterdeck::app {
namespace {

using testing::HasSubstr;

std::variant<Command, Answered> parsed(std::vector<const char*> words, std::optional<std::string> url = {}) {
  words.insert(words.begin(), "quarterdeck");
  return parse(static_cast<int>(words.size()), words.data(), {.directory = "/work/here", .url = std::move(url)});
}

template <class Options>
Options options(std::vector<const char*> words, std::optional<std::string> url = {}) {
  auto result = parsed(std::move(words), std::move(url));
  if (const auto* answered = std::get_if<Answered>(&result)) throw std::runtime_error(answered->text);
  return std::get<Options>(std::get<Command>(result));
}

Answered answered(std::vector<const char*> words) { return std::get<Answered>(parsed(std::move(words))); }

TEST(Arguments, ServeHasSafeDefaults) { EXPECT_EQ(options<ServeOptions>({"serve"}), ServeOptions{}); }

TEST(Arguments, ServeTakesEachOrigin) {
  const auto serve = options<ServeOptions>(
      {"serve", "--port", "0", "--cors", "https://a", "--cors", "https://b", "--log-level", "debug"});
  EXPECT_EQ(serve.port, 0);
  EXPECT_EQ(serve.cors, (std::vector<std::string>{"https://a", "https://b"}));
  EXPECT_EQ(serve.log_level, "debug");
}

TEST(Arguments, RunJoinsTheWordsOfItsTask) {
  const auto run = options<RunOptions>({"run", "fix", "the", "test"});
  EXPECT_EQ(run.task, "fix the test");
  EXPECT_EQ(run.target, (Target{"http://127.0.0.1:4096", "/work/here"}));
}

TEST(Arguments, RunTakesATaskThatLooksLikeAnOptionAfterTwoDashes) {
  EXPECT_EQ(options<RunOptions>({"run", "--", "--verbose is broken"}).task, "--verbose is broken");
}

TEST(Arguments, AFileDoesNotSwallowTheTask) {
  const auto run = options<RunOptions>({"run", "--file", "a.txt", "-f", "b.txt", "do it"});
  EXPECT_EQ(run.files, (std::vector<std::string>{"a.txt", "b.txt"}));
  EXPECT_EQ(run.task, "do it");
}

TEST(Arguments, ADashMeansStandardInput) { EXPECT_EQ(options<RunOptions>({"run", "-"}).task, "-"); }

TEST(Arguments, ModelsKeepTheirSlashes) {
  EXPECT_EQ(options<RunOptions>({"run", "-m", "openrouter/meta/llama", "x"}).model,
            (ModelName{"openrouter", "meta/llama"}));
}

TEST(Arguments, TheUrlComesFromTheOptionThenTheEnvironment) {
  EXPECT_EQ(options<RunOptions>({"run", "x"}, "http://env:1").target.url, "http://env:1");
  EXPECT_EQ(options<RunOptions>({"run", "--attach", "http://opt:2/", "x"}, "http://env:1").target.url, "http://opt:2");
}

TEST(Arguments, DirectoriesAreMadeAbsolute) {
  EXPECT_EQ(options<RunOptions>({"run", "--dir", "../api/", "x"}).target.directory, "/work/api");
  EXPECT_EQ(options<RunOptions>({"run", "--dir", "/", "x"}).target.directory, "/");
}

TEST(Arguments, SessionCommandsTakeAnId) {
  const auto remove = options<SessionDeleteOptions>({"session", "delete", "--yes", "ses_1"});
  EXPECT_EQ(remove.session, "ses_1");
  EXPECT_TRUE(remove.yes);
  EXPECT_EQ(options<SessionListOptions>({"session", "list", "--format", "json"}).format, Format::json);
}

TEST(Arguments, HelpAndVersionAreNoErrors) {
  EXPECT_EQ(answered({"--version"}).code, kExitOk);
  EXPECT_THAT(answered({"--version"}).text, HasSubstr("quarterdeck 0."));
  for (const char* command : {"serve", "run", "session", "doctor", "scripted-model"}) {
    const Answered help = answered({command, "--help"});
    EXPECT_EQ(help.code, kExitOk) << command;
    EXPECT_THAT(help.text, HasSubstr("Examples:")) << command;
  }
  EXPECT_THAT(answered({"session", "delete", "--help"}).text, HasSubstr("--yes"));
}

struct WrongUsage {
  std::vector<const char*> words;
  const char* says;
};

TEST(Arguments, WrongUsageSaysWhatIsWrongAndWhereHelpIs) {
  const WrongUsage cases[] = {
      {{}, "quarterdeck"},
      {{"sevre"}, "--help"},
      {{"run"}, "what should the agent do?"},
      {{"run", "   "}, "what should the agent do?"},
      {{"run", "--bogus", "x"}, "quarterdeck run --help"},
      {{"run", "--sess", "ses_1", "x"}, "--sess"},
      {{"run", "-s", "ses_1", "-c", "x"}, "--continue"},
      {{"run", "-s", "abc", "x"}, "not a session id"},
      {{"run", "-s", "ses_1", "--title", "t", "x"}, "--title"},
      {{"run", "-m", "gpt", "x"}, "PROVIDER/MODEL"},
      {{"run", "-m", "/gpt", "x"}, "PROVIDER/MODEL"},
      {{"run", "--attach", "localhost:4096", "x"}, "http://"},
      {{"run", "--format", "yaml", "x"}, "--format"},
      {{"serve", "--port", "70000"}, "--port"},
      {{"serve", "--port", "-1"}, "--port"},
      {{"session"}, "quarterdeck session --help"},
      {{"session", "show"}, "id"},
      {{"session", "list", "--limit", "0"}, "--limit"},
  };
  for (const auto& one : cases) {
    const Answered wrong = answered(one.words);
    EXPECT_EQ(wrong.code, kExitUsage) << wrong.text;
    EXPECT_THAT(wrong.text, HasSubstr(one.says));
  }
}

TEST(Arguments, TrustTakesADirectoryOrAWordForTheList) {
  const auto token =
      options<TokenOptions>({"token", "create", "ci", "--project", "../api/", "--project", "abc", "--own"});
  EXPECT_EQ(token.projects, (std::vector<std::string>{"/work/api/", "abc"}));
  EXPECT_EQ(token.role, "agent");
  EXPECT_TRUE(token.own);
  EXPECT_EQ(options<TokenOptions>({"token", "revoke", "ci"}).action, TokenOptions::Action::revoke);
  EXPECT_EQ(options<TrustOptions>({"trust"}), (TrustOptions{{"http://127.0.0.1:4096", "/work/here"}}));
  EXPECT_EQ(options<TrustOptions>({"trust", "../api/"}).target.directory, "/work/api");
  EXPECT_EQ(options<TrustOptions>({"trust", "list"}).action, TrustOptions::Action::list);
  const auto remove = options<TrustOptions>({"trust", "remove", "/x"});
  EXPECT_EQ(remove.action, TrustOptions::Action::remove);
  EXPECT_EQ(remove.target.directory, "/x");
}

TEST(Arguments, PermissionRulesAreListedAndRemoved) {
  EXPECT_EQ(options<PermissionListOptions>({"permission", "list", "--dir", "/x"}).target.directory, "/x");
  EXPECT_EQ(options<PermissionRemoveOptions>({"permission", "remove", "rule_1"}).id, "rule_1");
  EXPECT_EQ(answered({"permission"}).code, kExitUsage);
}

}  // namespace
}  // namespace quarterdeck::app
