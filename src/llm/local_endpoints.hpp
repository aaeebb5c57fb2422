// Model servers on this machine that speak the chat completions protocol: Ollama, LM Studio, llama-server. Asked only
// when nothing else is configured; loopback only.
#pragma once

#include <string>
#include <vector>

#include "base/task.hpp"
#include "domain/model.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::llm {

struct LocalEndpoint {
  std::string id;
  std::string name;
  std::string base_url;  // http://127.0.0.1:<port>/v1
};
std::vector<LocalEndpoint> usual_local_endpoints();

// All at once, 300 ms at most. One provider for each that answers GET /models with at least one model.
Task<std::vector<domain::ProviderInfo>> probe_local_endpoints(Loop& loop, net::HttpClient& client,
                                                              std::vector<LocalEndpoint> endpoints);

}  // namespace quarterdeck::llm
