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
  ASSERT_GE(catalogue().size(), 10u);
  for (const auto& provider : catalogue()) {
    EXPECT_TRUE(provider.info.models.contains(provider.default_model)) << provider.info.id;
    EXPECT_TRUE(provider.info.models.contains(provider.small_model)) << provider.info.id;
    EXPECT_FALSE(provider.info.env.empty()) << provider.info.id;
    EXPECT_TRUE(provider.info.base_url.starts_with("https://")) << provider.info.id;
    for (const auto& [id, model] : provider.info.models) {
      EXPECT_GT(model.context_tokens, 0) << id;
      EXPECT_GT(model.output_tokens, 0) << id;
      EXPECT_TRUE(model.tool_call) << id;
      EXPECT_EQ(model.provider_id, provider.info.id);
    }
  }
}

TEST(Catalogue, ConnectsWhatHasAKey) {
  EXPECT_EQ(ids(connected_providers({}, environment({}))), Ids{});
  const auto providers =
      connected_providers({}, environment({{"OPENAI_API_KEY", "k"}, {"ANTHROPIC_API_KEY", "a"}, {"XAI_API_KEY", ""}}));
  EXPECT_EQ(ids(providers), (Ids{"anthropic", "openai"}));
  EXPECT_EQ(providers[0].api_key, "a");
  EXPECT_EQ(providers[0].source, "env");
  EXPECT_EQ(choose_default_model({}, providers), (ModelRef{"anthropic", "claude-sonnet-4-5", {}}));
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
  EXPECT_EQ(providers[0].models.at("claude-sonnet-4-5").context_tokens, 200'000);
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
  EXPECT_EQ(choose_small_model(config, providers, config.model), (ModelRef{"openai", "gpt-5-nano", {}}));
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
