// The model provider over OpenAI's chat completions, streaming (protocol "openai-chat").
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "llm/provider.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::llm {

inline constexpr std::string_view kOpenAiChat = "openai-chat";

// All arguments outlive the provider and its streams.
std::unique_ptr<Provider> make_chat_completions(Loop& loop, net::HttpClient& client, Clock& clock = system_clock(),
                                                Random& random = system_random());

}  // namespace quarterdeck::llm
