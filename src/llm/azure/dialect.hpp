// Azure OpenAI for the shared provider (protocol "azure-openai"): chat completions or Responses, under Azure's
// addresses and with its api-key. From the provider's options: resourceName, apiVersion, useCompletionUrls (chat
// instead of Responses), useDeploymentBasedUrls.
// Source: Microsoft Learn, "Azure OpenAI in Foundry Models REST API"; the addresses of @ai-sdk/azure.
#pragma once

#include "llm/protocol/dialect.hpp"

namespace quarterdeck::llm::azure {

std::unique_ptr<protocol::Dialect> make_dialect();

}  // namespace quarterdeck::llm::azure
