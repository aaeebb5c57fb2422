#include "llm/variants.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::llm {
namespace {

std::string names(std::string npm, std::string id, std::string released = "") {
  const domain::ProviderInfo provider{.id = "p", .npm = std::move(npm)};
  const domain::ModelInfo model{
      .id = id, .api_id = id, .reasoning = true, .output_tokens = 64'000, .release_date = std::move(released)};
  std::string out;
  for (const auto& [name, options] : variants_of(provider, model)) out += (out.empty() ? "" : " ") + name;
  return out;
}

TEST(Variants, AreWhatTheModelTakes) {
  EXPECT_EQ(names("@ai-sdk/openai", "gpt-5"), "high low medium minimal");
  EXPECT_EQ(names("@ai-sdk/openai", "gpt-5.1"), "high low medium none");
  EXPECT_EQ(names("@ai-sdk/openai", "gpt-5.2"), "high low medium none xhigh");
  EXPECT_EQ(names("@ai-sdk/openai", "gpt-5.1-codex-max"), "high low medium xhigh");
  EXPECT_EQ(names("@ai-sdk/openai", "o3"), "high low medium");
  EXPECT_EQ(names("@ai-sdk/anthropic", "claude-sonnet-4-5-20250929"), "high max");
  EXPECT_EQ(names("@ai-sdk/anthropic", "claude-opus-4-20250514"), "high max");
  EXPECT_EQ(names("@ai-sdk/anthropic", "claude-opus-4-6"), "high low max medium");
  EXPECT_EQ(names("@ai-sdk/anthropic", "claude-opus-4-7"), "high low max medium xhigh");
  EXPECT_EQ(names("@ai-sdk/google", "gemini-2.5-pro"), "high max");
  EXPECT_EQ(names("@ai-sdk/google", "gemini-3-pro-preview"), "high low medium");
  EXPECT_EQ(names("@ai-sdk/amazon-bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"), "high max");
  EXPECT_EQ(names("@ai-sdk/openai-compatible", "qwen3-coder"), "");
  EXPECT_EQ(names("@ai-sdk/groq", "openai/gpt-oss-120b"), "high low medium none");
}

TEST(Variants, OfAModelThatDoesNotReasonAreNone) {
  EXPECT_TRUE(variants_of({.npm = "@ai-sdk/openai"}, {.id = "gpt-4.1"}).empty());
}

TEST(RequestOptions, LaterOnesWinMemberByMember) {
  const domain::ModelInfo model{.id = "m",
                                .options = {R"({"a":1,"thinking":{"type":"disabled","display":"summarized"}})"},
                                .variants = {{"max", {R"({"thinking":{"type":"enabled","budgetTokens":9}})"}}}};
  EXPECT_EQ(request_options({}, model, "max", {R"({"b":2,"a":3})"}).text,
            R"({"a":3,"thinking":{"type":"enabled","display":"summarized","budgetTokens":9},"b":2})");
  EXPECT_EQ(request_options({}, model, "unknown", {"{}"}).text,
            R"({"a":1,"thinking":{"type":"disabled","display":"summarized"}})");
}

}  // namespace
}  // namespace quarterdeck::llm
