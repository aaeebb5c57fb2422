#include "llm/catalogue.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::llm {
namespace {

using domain::ModelRef;

config::Environment environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(std::string(name));
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}
std::vector<std::string> ids(const std::vector<domain::ProviderInfo>& providers) {
  std::vector<std::string> out;
  for (const auto& provider : providers) out.push_back(provider.id);
  return out;
}
using Ids = std::vector<std::string>;

TEST(Catalogue, IsComplete) {
  ASSERT_GE(builtin_catalogue().size(), 20u);
  for (const auto& provider : builtin_catalogue()) {
    EXPECT_TRUE(provider.models.contains(provider.default_model)) << provider.id;
    EXPECT_TRUE(provider.models.contains(provider.small_model)) << provider.id;
    EXPECT_FALSE(provider.env.empty()) << provider.id;
    EXPECT_NE(provider.protocol, provider.npm) << provider.id << ": a protocol that nobody speaks";
    const bool named = provider.id == "azure" || provider.id == "amazon-bedrock";
    EXPECT_EQ(provider.base_url.starts_with("https://"), !named) << provider.id;
    for (const auto& [id, model] : provider.models) {
      EXPECT_GT(model.context_tokens, 0) << id;
      EXPECT_GT(model.output_tokens, 0) << id;
      EXPECT_TRUE(model.tool_call) << id;
      EXPECT_EQ(model.provider_id, provider.id);
    }
  }
}

TEST(Catalogue, LeavesOutWhatItDoesNotUnderstand) {
  const auto parsed = parse_catalogue(
      R"({"a":{"env":["A_KEY",5],"npm":"@ai-sdk/anthropic","models":{"m":{"tool_call":true,"limit":{"context":1e6,
          "output":"x"},"cost":{"input":-1,"output":2.5},"reasoning_options":[{"type":"effort","values":["low"]}]},
          "chat":{"tool_call":false},"old":{"tool_call":true,"status":"deprecated"},"n":7}},"b":[],"c":{"models":{}}})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 1u);
  const auto& provider = parsed->front();
  EXPECT_EQ(provider.base_url, "https://api.anthropic.com/v1");
  EXPECT_EQ(provider.env, Ids{"A_KEY"});
  ASSERT_EQ(provider.models.size(), 1u);
  const auto& model = provider.models.at("m");
  EXPECT_EQ(model.context_tokens, 1'000'000);
  EXPECT_EQ(model.output_tokens, 0);
  EXPECT_EQ(model.prices, (domain::Prices{0, 2.5, 0, 0}));
  EXPECT_EQ(model.efforts, Ids{"low"});
  for (const char* wrong : {"", "[]", "{}", "<html>", R"({"a":{"models":{}}})"}) EXPECT_FALSE(parse_catalogue(wrong));
}

TEST(Catalogue, KeepsItsOrderWhenItIsRefreshed) {
  auto newer = parse_catalogue(R"({"zzz":{"models":{"m":{"tool_call":true}}},
                                   "openai":{"env":["OPENAI_API_KEY"],"models":{"gpt-9":{"tool_call":true}}}})");
  const auto all = refreshed(*newer);
  EXPECT_EQ(all.front().id, "anthropic");
  EXPECT_EQ(all[1].default_model, "gpt-9");
  EXPECT_EQ(all.back().id, "zzz");
}

TEST(Catalogue, TakesStoredKeys) {
  const Known known{.credentials = {{"openai", config::api_credential("stored")},
                                    {"groq", {R"({"type":"oauth","refresh":"r","access":"a","expires":5})"}}},
                    .now = 10};
  config::Config config;
  auto providers = connected_providers(config, environment({{"OPENAI_API_KEY", "env"}}), {}, known);
  EXPECT_EQ(ids(providers), Ids{"openai"});
  EXPECT_EQ(providers[0].api_key, "stored");
  EXPECT_EQ(providers[0].source, "api");
  config.providers["openai"] = {.api_key = "configured"};
  EXPECT_EQ(connected_providers(config, environment({}), {}, known)[0].api_key, "configured");
}

TEST(Catalogue, TakesAmazonsAndMicrosoftsVariables) {
  auto aws = connected_providers({}, environment({{"AWS_ACCESS_KEY_ID", "id"},
                                                  {"AWS_SECRET_ACCESS_KEY", "secret"},
                                                  {"AWS_REGION", "eu-west-1"}}));
  ASSERT_EQ(ids(aws), Ids{"amazon-bedrock"});
  EXPECT_EQ(aws[0].api_key, "");
  EXPECT_EQ(aws[0].options.text, R"({"region":"eu-west-1","accessKeyId":"id","secretAccessKey":"secret"})");
  EXPECT_EQ(ids(connected_providers({}, environment({{"AWS_REGION", "eu-west-1"}}))), Ids{});
  EXPECT_EQ(connected_providers({}, environment({{"AWS_BEARER_TOKEN_BEDROCK", "t"}}))[0].api_key, "t");
  EXPECT_EQ(ids(connected_providers({}, environment({{"AZURE_RESOURCE_NAME", "r"}}))), Ids{});
  const auto azure = connected_providers({}, environment({{"AZURE_RESOURCE_NAME", "r"}, {"AZURE_API_KEY", "k"}}));
  ASSERT_EQ(ids(azure), Ids{"azure"});
  EXPECT_EQ(azure[0].api_key, "k");
  EXPECT_EQ(azure[0].options.text, R"({"resourceName":"r"})");
}

TEST(Catalogue, OffersVariantsAndTakesTheConfigurations) {
  config::Config config;
  config.providers["anthropic"] = {
      .api_key = "k",
      .models = {{"claude-sonnet-4-5",
                  {.variants = {{"max", {R"({"disabled":true})"}}, {"mine", {R"({"effort":"low"})"}}}}}}};
  const auto providers = connected_providers(config, environment({}));
  const auto& variants = providers[0].models.at("claude-sonnet-4-5").variants;
  EXPECT_EQ(variants.size(), 2u);
  EXPECT_TRUE(variants.contains("high"));
  EXPECT_EQ(variants.at("mine").text, R"({"effort":"low"})");
}

TEST(Catalogue, ConnectsWhatHasAKey) {
  EXPECT_EQ(ids(connected_providers({}, environment({}))), Ids{});
  const auto providers =
      connected_providers({}, environment({{"OPENAI_API_KEY", "k"}, {"ANTHROPIC_API_KEY", "a"}, {"XAI_API_KEY", ""}}));
  EXPECT_EQ(ids(providers), (Ids{"anthropic", "openai"}));
  EXPECT_EQ(providers[0].api_key, "a");
  EXPECT_EQ(providers[0].source, "env");
  EXPECT_EQ(choose_default_model({}, providers), (ModelRef{"anthropic", "claude-sonnet-5", {}}));
  EXPECT_EQ(choose_small_model({}, providers, choose_default_model({}, providers)),
            (ModelRef{"anthropic", "claude-haiku-4-5", {}}));
}

TEST(Catalogue, PutsConfiguredProvidersFirst) {
  config::Config config;
  config.providers["mine"] = {.base_url = "http://127.0.0.1:9/v1",
                              .models = {{"m", {.name = "M", .context_tokens = 7}}}};
  config.providers["anthropic"] = {.models = {{"claude-sonnet-4-5", {.output_tokens = 5}}, {"claude-next", {}}}};
  const auto providers =
      connected_providers(config, environment({{"OPENAI_API_KEY", "k"}, {"ANTHROPIC_API_KEY", "a"}}));
  EXPECT_EQ(ids(providers), (Ids{"anthropic", "mine", "openai"}));
  EXPECT_EQ(providers[0].models.at("claude-sonnet-4-5").output_tokens, 5);
  EXPECT_EQ(providers[0].models.at("claude-sonnet-4-5").context_tokens, 1'000'000);
  EXPECT_EQ(providers[0].models.at("claude-next").api_id, "claude-next");
  EXPECT_EQ(providers[1].protocol, "openai-chat");
  EXPECT_EQ(providers[1].models.at("m").name, "M");
}

TEST(Catalogue, HonoursEnabledAndDisabled) {
  config::Config config;
  config.disabled_providers = {"anthropic"};
  const auto env = environment({{"OPENAI_API_KEY", "k"}, {"ANTHROPIC_API_KEY", "a"}, {"GROQ_API_KEY", "g"}});
  EXPECT_EQ(ids(connected_providers(config, env)), (Ids{"openai", "groq"}));
  config.enabled_providers = std::vector<std::string>{"groq", "anthropic"};
  EXPECT_EQ(ids(connected_providers(config, env)), Ids{"groq"});
}

TEST(Catalogue, FiltersModels) {
  config::Config config;
  config.providers["openai"] = {
      .api_key = "k", .whitelist = std::vector<std::string>{"gpt-5", "gpt-4.1"}, .blacklist = {"gpt-5"}};
  const auto providers = connected_providers(config, environment({}));
  EXPECT_EQ(providers[0].models.size(), 1u);
  EXPECT_EQ(default_model_of(providers[0]), "gpt-4.1");
}

TEST(Catalogue, AddsAModelThatOnlyTheConfigurationNames) {
  config::Config config;
  config.model = ModelRef{"openai", "gpt-99", {}};
  const auto providers = connected_providers(config, environment({{"OPENAI_API_KEY", "k"}}));
  EXPECT_TRUE(providers[0].models.contains("gpt-99"));
  EXPECT_EQ(choose_default_model(config, providers), config.model);
  EXPECT_EQ(choose_small_model(config, providers, config.model), (ModelRef{"openai", "gpt-5.4-nano", {}}));
}

TEST(Catalogue, KeepsTheConfiguredModelEvenWhenItCannotBeUsed) {
  config::Config config;
  config.model = ModelRef{"anthropic", "x", {}};
  EXPECT_EQ(choose_default_model(config, connected_providers(config, environment({{"OPENAI_API_KEY", "k"}}))),
            config.model);
}

TEST(Catalogue, FallsBackToWhatElseThereIs) {
  const domain::ProviderInfo scripted{.id = "scripted", .models = {{"scripted", {.id = "scripted"}}}};
  EXPECT_EQ(choose_default_model({}, connected_providers({}, environment({}), {scripted})),
            (ModelRef{"scripted", "scripted", {}}));
  const auto providers = connected_providers({}, environment({{"GROQ_API_KEY", "k"}}), {scripted});
  EXPECT_EQ(ids(providers), (Ids{"groq", "scripted"}));
  EXPECT_EQ(choose_small_model({}, {scripted}, ModelRef{"scripted", "scripted", {}}),
            (ModelRef{"scripted", "scripted", {}}));
}

TEST(Catalogue, KnowsWhereAKindOfProviderLives) {
  config::Config config;
  config.providers["work"] = {.npm = "@ai-sdk/groq", .api_key = "k"};
  config.providers["odd"] = {.npm = "@ai-sdk/amazon-bedrock", .base_url = "http://x", .api_key = "k"};
  const auto providers = connected_providers(config, environment({}));
  EXPECT_EQ(providers[1].base_url, "https://api.groq.com/openai/v1");
  EXPECT_EQ(providers[0].protocol, "bedrock-converse");
}

}  // namespace
}  // namespace quarterdeck::llm
