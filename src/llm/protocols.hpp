// Every wire protocol that we speak, by its name (ProviderInfo::protocol), and which one OpenCode's provider packages
// mean.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "llm/provider.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::llm {

inline constexpr std::string_view kOpenAiResponses = "openai-responses";
inline constexpr std::string_view kAnthropicMessages = "anthropic-messages";
inline constexpr std::string_view kGoogleGemini = "google-gemini";
inline constexpr std::string_view kAzureOpenAi = "azure-openai";
inline constexpr std::string_view kBedrockConverse = "bedrock-converse";

// All arguments outlive the providers and their streams.
std::map<std::string, std::unique_ptr<Provider>> make_protocols(Loop& loop, net::HttpClient& client,
                                                                Clock& clock = system_clock(),
                                                                Random& random = system_random());

// OpenCode's package names; the name itself for a protocol that we do not speak.
std::string protocol_of_npm(std::string_view npm);
// Where a package's provider is found when nobody says; empty where there is no such place.
std::string_view base_url_of_npm(std::string_view npm);

}  // namespace quarterdeck::llm
