#include "config/config.hpp"

#include <gtest/gtest.h>

#include "config/trust.hpp"

#include <fstream>

#include "config/merge.hpp"

namespace quarterdeck::config {
namespace {

namespace fs = std::filesystem;
using domain::Action;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    char name[] = "/tmp/config_test.XXXXXX";
    root_ = ::mkdtemp(name);
    places_ = {.home = root_ / "home",
               .data = root_ / "data",
               .config = root_ / "cfg/quarterdeck",
               .opencode_config = root_ / "cfg/opencode"};
    fs::create_directories(root_ / "work/sub/deep");
  }
  ~ConfigTest() override { fs::remove_all(root_); }

  void write(const fs::path& path, std::string_view text) {
    const fs::path file = path.is_relative() ? root_ / path : path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void trust_work() { ASSERT_TRUE(trust(places_, root_ / "work", 1)); }
  Config load_from(const fs::path& directory = "work") {
    const Environment environment = [this](std::string_view name) -> std::optional<std::string> {
      const auto found = environment_.find(std::string(name));
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    return load(places_, root_ / directory, root_ / "work", environment);
  }
  // The only error, without the directory of this test.
  std::string only_error(const Config& config) {
    EXPECT_EQ(config.errors.size(), 1u);
    if (config.errors.empty()) return {};
    auto text = config.errors[0].message;
    if (const auto at = text.find(root_.string()); at != std::string::npos) text.erase(at, root_.string().size());
    return text.substr(0, text.find("\n  (until"));
  }

  fs::path root_;
  Places places_;
  std::map<std::string, std::string> environment_;
};

TEST_F(ConfigTest, IsEmptyWithoutFiles) {
  const auto config = load_from();
  EXPECT_TRUE(config.errors.empty());
  EXPECT_TRUE(config.files.empty());
  EXPECT_FALSE(config.model);
  EXPECT_EQ(config.public_json(), R"({"mode":{},"agent":{},"plugin":[],"username":"unknown"})");
}

TEST_F(ConfigTest, LetsTheNearerFileWin) {
  write("cfg/opencode/config.json", R"({"model":"a/1","small_model":"a/s","share":"auto"})");
  write("cfg/quarterdeck/config.jsonc", R"({"model":"a/2","quarterdeck":{"x":1}})");
  write("work/opencode.json", R"({"model":"a/3"})");
  write("work/sub/opencode.jsonc", R"({"model":"a/4/with/slashes"})");
  EXPECT_EQ(load_from("work").model, (domain::ModelRef{"a", "3", {}}));
  const auto deep = load_from("work/sub/deep");
  EXPECT_EQ(deep.model, (domain::ModelRef{"a", "4/with/slashes", {}}));
  EXPECT_EQ(deep.small_model, (domain::ModelRef{"a", "s", {}}));
  EXPECT_EQ(deep.share, "auto");
  EXPECT_EQ(deep.ours.text, R"({"x":1})");
  EXPECT_EQ(deep.files.size(), 4u);
  write("work/.opencode/opencode.json", R"({"model":"a/5"})");
  EXPECT_EQ(load_from("work/sub/deep").model->model_id, "5");
  environment_["OPENCODE_CONFIG_CONTENT"] = R"({"model":"a/6"})";
  EXPECT_EQ(load_from("work/sub/deep").model->model_id, "6");
}

TEST_F(ConfigTest, ReadsTheFileNamedByTheEnvironmentBeforeTheProject) {
  write("extra.json", R"({"model":"a/extra","username":"me"})");
  environment_["OPENCODE_CONFIG"] = (root_ / "extra.json").string();
  EXPECT_EQ(load_from().model->model_id, "extra");
  write("work/opencode.json", R"({"model":"a/project"})");
  EXPECT_EQ(load_from().model->model_id, "project");
  EXPECT_EQ(load_from().username, "me");
}

TEST_F(ConfigTest, DoesNotLookAboveADirectoryOutsideARepository) {
  write("opencode.json", R"({"model":"evil/1"})");
  const Environment none = [](std::string_view) { return std::nullopt; };
  EXPECT_FALSE(load(places_, root_ / "work", "/", none).model);
}

TEST_F(ConfigTest, UnderstandsCommentsAndTrailingCommas) {
  write("work/opencode.jsonc", "{\n // line\n \"model\": \"a/b\", /* block */\n \"instructions\": [\"x\",],\n}\n");
  const auto config = load_from();
  EXPECT_TRUE(config.errors.empty());
  EXPECT_EQ(config.instructions, std::vector<std::string>{"x"});
}

TEST_F(ConfigTest, MergesDeeplyAndAddsInstructions) {
  write(
      "cfg/opencode/opencode.json",
      R"({"instructions":["a","b"],"provider":{"p":{"options":{"baseURL":"http://x/v1","apiKey":"k"},"models":{"m":{"name":"M"}}}}})");
  write("work/opencode.json",
        R"({"instructions":["b","c"],"provider":{"p":{"models":{"m":{"limit":{"context":8}},"n":{}}}}})");
  const auto config = load_from();
  EXPECT_EQ(config.instructions, (std::vector<std::string>{"a", "b", "c"}));
  const auto& provider = config.providers.at("p");
  EXPECT_EQ(provider.base_url, "http://x/v1");
  EXPECT_EQ(provider.api_key, "k");
  EXPECT_EQ(provider.models.at("m").name, "M");
  EXPECT_EQ(provider.models.at("m").context_tokens, 8);
  EXPECT_TRUE(provider.models.contains("n"));
}

TEST_F(ConfigTest, FillsInVariablesAndFiles) {
  trust_work();
  environment_["KEY"] = "s3\"cret";
  write("work/prompt.txt", "  Be {brief}.\n");
  write("home/key", "from home");
  write(
      "work/opencode.json",
      R"({"provider":{"p":{"options":{"apiKey":"{env:KEY}","baseURL":"http://{env:NONE}h"}},"q":{"options":{"apiKey":"{file:~/key}"}}},
           "agent":{"a":{"prompt":"{file:./prompt.txt} {x}"}}})");
  const auto config = load_from();
  EXPECT_TRUE(config.errors.empty()) << config.errors[0].message;
  EXPECT_EQ(config.providers.at("p").api_key, "s3\"cret");
  EXPECT_EQ(config.providers.at("p").base_url, "http://h");
  EXPECT_EQ(config.providers.at("q").api_key, "from home");
  EXPECT_EQ(config.agents.at("a").prompt, "Be {brief}. {x}");
}

TEST_F(ConfigTest, SaysWhichFileOfAPlaceholderIsMissing) {
  write("work/opencode.json", R"({"model":"a/b","username":"{file:nope}"})");
  const auto config = load_from();
  const auto message = only_error(config);
  EXPECT_EQ(message.find("/work/opencode.json: {file:nope}: "), 0u) << message;
  EXPECT_EQ(config.model->model_id, "b");
}

TEST_F(ConfigTest, TurnsPermissionsIntoRulesInOrder) {
  write("work/opencode.json", R"({"tools":{"write":false,"bash":true},
    "permission":{"edit":"ask","bash":{"*":"ask","git *":"allow","cat ~/x":"deny"}}})");
  EXPECT_EQ(load_from().permission, (domain::Ruleset{{"edit", "*", Action::deny},
                                                     {"bash", "*", Action::allow},
                                                     {"edit", "*", Action::ask},
                                                     {"bash", "*", Action::ask},
                                                     {"bash", "git *", Action::allow},
                                                     {"bash", "cat ~/x", Action::deny}}));
  write("work/opencode.json", R"({"permission":"deny"})");
  EXPECT_EQ(load_from().permission, (domain::Ruleset{{"*", "*", Action::deny}}));
  write("work/opencode.json", R"({"permission":{"external_directory":{"~/notes/*":"allow","$HOME/x":"ask"}}})");
  EXPECT_EQ(load_from().permission,
            (domain::Ruleset{{"external_directory", places_.home.string() + "/notes/*", Action::allow},
                             {"external_directory", places_.home.string() + "/x", Action::ask}}));
}

TEST_F(ConfigTest, ReadsAgents) {
  write("work/opencode.json", R"({"agent":{"review":{"model":"a/b","variant":"high","mode":"subagent","description":"d",
    "temperature":0.1,"top_p":1,"maxSteps":5,"disable":false,"hidden":true,"tools":{"edit":false},
    "permission":{"bash":"deny"},"options":{"x":1}}},"mode":{"old":{"steps":2}}})");
  const auto config = load_from();
  ASSERT_TRUE(config.errors.empty()) << config.errors[0].message;
  const auto& agent = config.agents.at("review");
  EXPECT_EQ(agent.model, (domain::ModelRef{"a", "b", "high"}));
  EXPECT_EQ(agent.mode, "subagent");
  EXPECT_EQ(agent.steps, 5);
  EXPECT_EQ(agent.temperature, 0.1);
  EXPECT_EQ(agent.hidden, true);
  EXPECT_EQ(agent.options.text, R"({"x":1})");
  EXPECT_EQ(agent.permission, (domain::Ruleset{{"edit", "*", Action::deny}, {"bash", "*", Action::deny}}));
  EXPECT_EQ(config.agents.at("old").steps, 2);
}

TEST_F(ConfigTest, ReadsModels) {
  write("work/opencode.json", R"({"provider":{"p":{"npm":"@ai-sdk/openai-compatible","env":["P_KEY"],"whitelist":["m"],
    "models":{"m":{"id":"real","tool_call":false,"modalities":{"input":["text","image"]},"limit":{"context":1,"output":2},
    "cost":{"input":1.5,"output":2},"headers":{"X":"y"},"options":{"reasoningEffort":"low"}}}}}})");
  const auto config = load_from();
  ASSERT_TRUE(config.errors.empty()) << config.errors[0].message;
  const auto& model = config.providers.at("p").models.at("m");
  EXPECT_EQ(model.id, "real");
  EXPECT_EQ(model.attachment, true);
  EXPECT_EQ(model.tool_call, false);
  EXPECT_EQ(model.prices, (domain::Prices{.input = 1.5, .output = 2}));
  EXPECT_EQ(model.headers, (std::map<std::string, std::string>{{"X", "y"}}));
}

TEST_F(ConfigTest, NamesFilePlaceAndTypeOfAMistakeAndKeepsTheRest) {
  write("work/opencode.json", R"({"model":"a/b","tool_output":{"max_lines":"many"}})");
  const auto config = load_from();
  EXPECT_EQ(only_error(config),
            "/work/opencode.json: Expected integer, got \"many\"\n  at [\"tool_output\"][\"max_lines\"]");
  EXPECT_EQ(config.model->model_id, "b");
  EXPECT_TRUE(config.permission.empty());
  write("work/opencode.json", R"({"model":"nonsense"})");
  EXPECT_EQ(only_error(load_from()),
            "/work/opencode.json: Expected \"provider/model\", got \"nonsense\"\n  at [\"model\"]");
}

TEST_F(ConfigTest, AsksForEverythingWhenPermissionsCannotBeUnderstood) {
  const domain::Ruleset closed{{"*", "*", Action::ask}};
  write("work/opencode.json", R"({"permission":{"bash":{"rm *":"dney"}}})");
  EXPECT_EQ(load_from().permission, closed);
  EXPECT_EQ(only_error(load_from()),
            "/work/opencode.json: Expected \"allow\" | \"ask\" | \"deny\", got \"dney\"\n  at "
            "[\"permission\"][\"bash\"][\"rm *\"]");
  write("work/opencode.json", R"({"model": "a/b")");
  EXPECT_EQ(load_from().permission, closed);
  EXPECT_EQ(only_error(load_from()).find("/work/opencode.json: malformed JSON"), 0u);
  write("work/opencode.json", "[]");
  EXPECT_EQ(load_from().permission, closed);
}

TEST_F(ConfigTest, ShowsUnknownMembersButNoSecrets) {
  environment_["KEY"] = "very secret";
  write(
      "work/opencode.json",
      R"({"$schema":"s","autoupdate":false,"provider":{"p":{"options":{"apiKey":"sk-1","baseURL":"http://{env:KEY}/"}}},
            "mcp":{"m":{"headers":{"Authorization":"Bearer x"},"environment":{"A":"b"}}},"username":"me"})");
  const auto text = load_from().public_json();
  EXPECT_EQ(
      text,
      R"({"$schema":"s","autoupdate":false,"provider":{"p":{"options":{"apiKey":"***","baseURL":"http://{env:KEY}/"}}},"mcp":{"m":{"headers":{"Authorization":"***"},"environment":{"A":"***"}}},"username":"me","mode":{},"agent":{},"plugin":[]})");
}

TEST_F(ConfigTest, ReadsAgentsAndCommandsFromMarkdown) {
  write("cfg/opencode/agent/review.md",
        "---\ndescription: Reviews: all of it\nmode: subagent\nmodel: a/b\ntemperature: 0.2\ntop_p: 0.9\nsteps: 7\n"
        "hidden: true\ncolor: \"#ff0000\"\ntools:\n  write: false\npermission:\n  bash:\n    \"git *\": allow\n---\n\n"
        "You review.\n");
  write("work/.opencode/agents/deep/er.md", "Only a prompt");
  write("work/.opencode/modes/brief.md", "---\ndescription: Brief\n---\nBe brief.");
  write("work/.opencode/commands/git/push.md", "---\nagent: build\nsubtask: true\n---\nPush $1 !`git status`\n");
  write("cfg/opencode/commands/mine.md", "Mine {env:HOME}");
  const auto config = load_from();
  ASSERT_TRUE(config.errors.empty()) << config.errors[0].message;
  const auto& review = config.agents.at("review");
  EXPECT_EQ(review.prompt, "You review.");
  EXPECT_EQ(review.description, "Reviews: all of it");
  EXPECT_EQ(review.mode, "subagent");
  EXPECT_EQ(review.model, (domain::ModelRef{"a", "b", {}}));
  EXPECT_EQ(review.temperature, 0.2);
  EXPECT_EQ(review.top_p, 0.9);
  EXPECT_EQ(review.steps, 7);
  EXPECT_EQ(review.hidden, true);
  EXPECT_EQ(review.color, "#ff0000");
  EXPECT_EQ(review.permission, (domain::Ruleset{{"edit", "*", Action::deny}, {"bash", "git *", Action::allow}}));
  EXPECT_EQ(config.agents.at("deep/er").prompt, "Only a prompt");
  EXPECT_EQ(config.agents.at("brief").mode, "primary");
  const auto& push = config.commands.at("git/push");
  EXPECT_EQ(push.template_text, "Push $1 !`git status`");
  EXPECT_EQ(push.agent, "build");
  EXPECT_EQ(push.subtask, true);
  EXPECT_TRUE(push.from_project);
  EXPECT_EQ(config.commands.at("mine").template_text, "Mine {env:HOME}");
  EXPECT_FALSE(config.commands.at("mine").from_project);
}

TEST_F(ConfigTest, NamesTheMarkdownFileOfAMistake) {
  write("work/.opencode/agents/a.md", "---\nmode: sometimes\n---\nx");
  EXPECT_EQ(only_error(load_from()),
            "/work/.opencode/agents/a.md: Expected \"primary\" | \"subagent\" | \"all\", got \"sometimes\"\n  at "
            "[\"agent\"][\"a\"][\"mode\"]");
  EXPECT_EQ(load_from().permission, (domain::Ruleset{{"*", "*", Action::ask}}));
  write("work/.opencode/agents/a.md", "fine");
  write("work/.opencode/commands/c.md", "---\nsubtask: maybe\n---\nx");
  EXPECT_EQ(only_error(load_from()),
            "/work/.opencode/commands/c.md: Expected boolean, got \"maybe\"\n  at [\"command\"][\"c\"][\"subtask\"]");
  EXPECT_TRUE(load_from().permission.empty());
}

TEST_F(ConfigTest, GivesAnUntrustedProjectNeitherSecretsNorPrograms) {
  environment_["KEY"] = "secret";
  write("home/key", "secret");
  write("work/prompt.txt", "from the project");
  write("work/opencode.json", R"({"username":"{env:KEY}","default_agent":"{file:~/key}","shell":"{file:./prompt.txt}",
    "mcp":{"m":{"type":"local","command":["true"]}},"plugin":["x"],"lsp":false,
    "instructions":["docs/*.md","~/key","/etc/passwd","../up.md"],"skills":{"paths":["mine","~/all"]},
    "quarterdeck":{"webfetch":{"allow":["10.0.0.1"]},"websearch":{"engine":"searxng","url":"http://x"},"other":1},
    "provider":{"openai":{"options":{"baseURL":"http://elsewhere"}},"amazon-bedrock":{"options":{"endpoint":"http://e"}},
      "groq":{"models":{"m":{"provider":{"api":"http://elsewhere"}}}},"own":{"options":{"baseURL":"http://x","apiKey":"k"}}}})");
  fs::create_symlink(root_ / "home/key", root_ / "work/link");
  write("work/.opencode/agents/a.md", "fine");
  fs::create_symlink(root_ / "home/key", root_ / "work/.opencode/agents/stolen.md");
  auto config = load_from();
  EXPECT_FALSE(config.trusted);
  EXPECT_NE(config.username, "secret");
  EXPECT_EQ(config.shell, "from the project");
  EXPECT_EQ(config.instructions, std::vector<std::string>{"docs/*.md"});
  EXPECT_FALSE(config.providers.at("openai").base_url);
  EXPECT_EQ(config.providers.at("amazon-bedrock").options->text, "{}");
  EXPECT_FALSE(config.providers.at("groq").models.at("m").base_url);
  EXPECT_EQ(config.providers.at("own").base_url, "http://x");
  EXPECT_FALSE(config.agents.contains("stolen"));
  EXPECT_EQ(config.skill_paths, std::vector<std::string>{"mine"});
  EXPECT_EQ(config.ours.text, R"({"other":1})");
  EXPECT_EQ(config.errors.size(), 13u);
  for (const Error& error : config.errors) {
    EXPECT_NE(error.message.find("quarterdeck trust " + (root_ / "work").string()), std::string::npos) << error.message;
    EXPECT_EQ(error.message.find((root_ / "work/opencode.json").string()), 0u) << error.message;
  }
  trust_work();
  config = load_from();
  EXPECT_TRUE(config.trusted);
  EXPECT_EQ(config.username, "secret");
  EXPECT_EQ(config.providers.at("openai").base_url, "http://elsewhere");
  EXPECT_EQ(config.instructions.size(), 4u);
}

TEST_F(ConfigTest, FormattersAndLanguageServersAreSwitchesOrLists) {
  EXPECT_FALSE(load_from().formatters);
  write("work/opencode.json", R"({"formatter":true,"lsp":false})");
  EXPECT_EQ(load_from().formatters, Named<Formatter>{});
  EXPECT_FALSE(load_from().language_servers);
  write("cfg/opencode/opencode.json", R"({"lsp":{"x":{"command":["x","-y"],"extensions":[".x"],"env":{"A":"b"},
      "initialization":{"k":1}},"gopls":{"disabled":true}},"formatter":{"f":{"command":["f","$FILE"]}}})");
  write("work/opencode.json", R"({"lsp":{"deno":{"disabled":true},"evil":{"command":["evil"]}},
      "formatter":{"shfmt":{"environment":{"LD_PRELOAD":"./x.so"}}}})");
  auto config = load_from();
  EXPECT_EQ(config.errors.size(), 2u) << "not trusted";
  EXPECT_EQ(config.language_servers, (Named<LanguageServer>{{"x",
                                                             {.command = {"x", "-y"},
                                                              .extensions = std::vector<std::string>{".x"},
                                                              .environment = {{"A", "b"}},
                                                              .initialization = domain::JsonText{R"({"k":1})"}}},
                                                            {"gopls", {.disabled = true}},
                                                            {"deno", {.disabled = true}}}));
  EXPECT_EQ(config.formatters->size(), 1u);
  EXPECT_FALSE(config.public_json().contains("\"A\":\"b\""));
  trust_work();
  config = load_from();
  EXPECT_TRUE(config.language_servers->back().first == "evil");
  EXPECT_EQ(config.formatters->back().second.environment.size(), 1u);
}

TEST_F(ConfigTest, AMistakeInALanguageServerNamesItsPlace) {
  trust_work();
  write("work/opencode.json", R"({"lsp":{"x":{"extensions":[".x"]}}})");
  EXPECT_TRUE(only_error(load_from()).contains("[\"lsp\"][\"x\"][\"command\"]")) << only_error(load_from());
  write("work/opencode.json", R"({"formatter":"yes"})");
  EXPECT_EQ(only_error(load_from()),
            "/work/opencode.json: Expected boolean | object, got \"yes\"\n  at [\"formatter\"]");
}

TEST_F(ConfigTest, SurvivesNonsense) {
  for (const char* text : {"", "null", "5", "\"x\"", "{\"agent\":[]}", "{\"provider\":{\"p\":3}}",
                           "{\"instructions\":{}}", "{\"permission\":[]}", "{\"model\":null}", "\xff\xfe"}) {
    write("work/opencode.json", text);
    load_from();
  }
}

}  // namespace
}  // namespace quarterdeck::config
