#include "llm/protocols.hpp"

#include "llm/azure/dialect.hpp"
#include "llm/bedrock/dialect.hpp"
#include "llm/chat_completions.hpp"
#include "llm/chat_completions/dialect.hpp"
#include "llm/gemini/dialect.hpp"
#include "llm/messages/dialect.hpp"
#include "llm/responses/dialect.hpp"

namespace quarterdeck::llm {
namespace {

struct Package {
  std::string_view npm;
  std::string_view protocol;
  std::string_view base_url;
};

constexpr Package kPackages[] = {
    {"@ai-sdk/openai-compatible", kOpenAiChat, ""},
    {"@ai-sdk/openai", kOpenAiResponses, "https://api.openai.com/v1"},
    {"@ai-sdk/anthropic", kAnthropicMessages, "https://api.anthropic.com/v1"},
    {"@ai-sdk/google", kGoogleGemini, "https://generativelanguage.googleapis.com/v1beta"},
    {"@ai-sdk/azure", kAzureOpenAi, ""},
    {"@ai-sdk/amazon-bedrock", kBedrockConverse, ""},
    {"@openrouter/ai-sdk-provider", kOpenAiChat, "https://openrouter.ai/api/v1"},
    {"@ai-sdk/groq", kOpenAiChat, "https://api.groq.com/openai/v1"},
    {"@ai-sdk/mistral", kOpenAiChat, "https://api.mistral.ai/v1"},
    {"@ai-sdk/xai", kOpenAiChat, "https://api.x.ai/v1"},
    {"@ai-sdk/deepseek", kOpenAiChat, "https://api.deepseek.com"},
    {"@ai-sdk/togetherai", kOpenAiChat, "https://api.together.xyz/v1"},
    {"@ai-sdk/fireworks", kOpenAiChat, "https://api.fireworks.ai/inference/v1"},
    {"@ai-sdk/cerebras", kOpenAiChat, "https://api.cerebras.ai/v1"},
    {"@ai-sdk/deepinfra", kOpenAiChat, "https://api.deepinfra.com/v1/openai"},
    {"@ai-sdk/perplexity", kOpenAiChat, "https://api.perplexity.ai"},
    {"@ai-sdk/cohere", kOpenAiChat, "https://api.cohere.ai/compatibility/v1"},
    {"@ai-sdk/alibaba", kOpenAiChat, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"},
    {"@ai-sdk/vercel", kOpenAiChat, "https://api.v0.dev/v1"},
    {"@ai-sdk/gateway", kOpenAiChat, "https://ai-gateway.vercel.sh/v1"},
    {"venice-ai-sdk-provider", kOpenAiChat, "https://api.venice.ai/api/v1"},
};

const Package* package(std::string_view npm) {
  for (const auto& each : kPackages) {
    if (each.npm == npm) return &each;
  }
  return nullptr;
}

}  // namespace

std::map<std::string, std::unique_ptr<Provider>> make_protocols(Loop& loop, net::HttpClient& client, Clock& clock,
                                                                Random& random) {
  std::map<std::string, std::unique_ptr<Provider>> out;
  const auto add = [&](std::string_view name, std::unique_ptr<protocol::Dialect> dialect) {
    out.emplace(name, protocol::make_provider(std::move(dialect), loop, client, clock, random));
  };
  add(kOpenAiChat, chat_completions::make_dialect());
  add(kOpenAiResponses, responses::make_dialect());
  add(kAnthropicMessages, messages::make_dialect());
  add(kGoogleGemini, gemini::make_dialect());
  add(kAzureOpenAi, azure::make_dialect());
  add(kBedrockConverse, bedrock::make_dialect());
  return out;
}

std::string protocol_of_npm(std::string_view npm) {
  const auto* known = package(npm);
  return std::string(known ? known->protocol : npm);
}

std::string_view base_url_of_npm(std::string_view npm) {
  const auto* known = package(npm);
  return known ? known->base_url : std::string_view();
}

}  // namespace quarterdeck::llm
