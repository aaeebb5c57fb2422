#include "llm/local_endpoints.hpp"

#include <charconv>
#include <optional>

#include "base/async.hpp"
#include "llm/chat_completions.hpp"
#include "net/local_port.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm {
namespace {

constexpr std::int64_t kProbeMs = 300;
constexpr std::size_t kListBytesMax = 1024 * 1024;
constexpr std::size_t kModelsMax = 500;

// Models for embeddings and the like cannot chat; their names say so.
bool can_chat(std::string_view id) {
  for (const char* word : {"embed", "rerank", "whisper", "-tts"}) {
    if (id.contains(word)) return false;
  }
  return true;
}

// Usually nobody is there, and asking the kernel is enough to know: no HTTP client has to be loaded for it.
bool nobody_there(std::string_view base_url) {
  constexpr std::string_view kHere = "http://127.0.0.1:";
  if (!base_url.starts_with(kHere)) return false;
  base_url.remove_prefix(kHere.size());
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(base_url.data(), base_url.data() + base_url.size(), port);
  return parsed.ec == std::errc{} && !net::may_listen_locally(port);
}

Task<std::optional<domain::ProviderInfo>> probe(net::HttpClient& client, LocalEndpoint endpoint) {
  if (nobody_there(endpoint.base_url)) co_return std::nullopt;
  net::ClientRequest request{.url = endpoint.base_url + "/models",
                             .connect_timeout_ms = kProbeMs,
                             .first_byte_timeout_ms = kProbeMs,
                             .idle_timeout_ms = kProbeMs,
                             .total_timeout_ms = kProbeMs};
  const auto answer = co_await net::fetch_all(client, std::move(request), kListBytesMax);
  if (!answer || answer->status != 200) co_return std::nullopt;
  const auto list = wire::parse(answer->body);
  const auto* models = list ? wire::array_at(*list, "data") : nullptr;
  if (!models) co_return std::nullopt;
  domain::ProviderInfo provider{.id = endpoint.id,
                                .name = endpoint.name,
                                .source = "builtin",
                                .protocol = std::string(kOpenAiChat),
                                .npm = "@ai-sdk/openai-compatible",
                                .base_url = endpoint.base_url};
  for (const auto& model : *models) {
    const auto id = wire::string_at(model, "id");
    if (id.empty() || !can_chat(id) || provider.models.size() >= kModelsMax) continue;
    provider.models.emplace(
        id, domain::ModelInfo{.id = id, .provider_id = endpoint.id, .api_id = id, .name = id, .temperature = true});
  }
  if (provider.models.empty()) co_return std::nullopt;
  co_return provider;
}

}  // namespace

std::vector<LocalEndpoint> usual_local_endpoints() {
  return {{"ollama", "Ollama", "http://127.0.0.1:11434/v1"},
          {"lmstudio", "LM Studio", "http://127.0.0.1:1234/v1"},
          {"llama-server", "llama-server", "http://127.0.0.1:8080/v1"}};
}

Task<std::vector<domain::ProviderInfo>> probe_local_endpoints(Loop& loop, net::HttpClient& client,
                                                              std::vector<LocalEndpoint> endpoints) {
  std::vector<Task<std::optional<domain::ProviderInfo>>> probes;
  for (auto& endpoint : endpoints) probes.push_back(probe(client, std::move(endpoint)));
  auto answers = co_await when_all(loop, std::move(probes));
  std::vector<domain::ProviderInfo> found;
  for (auto& answer : answers) {
    if (answer) found.push_back(*std::move(answer));
  }
  co_return found;
}

}  // namespace quarterdeck::llm
