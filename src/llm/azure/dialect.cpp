#include "llm/azure/dialect.hpp"

#include "base/encoding.hpp"
#include "llm/chat_completions/dialect.hpp"
#include "llm/chat_completions/encoder.hpp"
#include "llm/protocol/request.hpp"
#include "llm/responses/dialect.hpp"

namespace quarterdeck::llm::azure {
namespace {

struct Settings {
  std::string resource;
  std::string version = "v1";
  bool chat = false;
  bool by_deployment = false;
};

Settings settings_of(const ModelRequest& request) {
  Settings out;
  const auto options = wire::parse(request.provider.options.text);
  if (!options || !options->is_object()) return out;
  const auto yes = [&](std::string_view name) {
    const auto* value = wire::value_at(*options, name);
    return value && value->is_bool() && value->get_bool();
  };
  out.resource = wire::string_at(*options, "resourceName");
  out.version = wire::string_at(*options, "apiVersion", "v1");
  out.chat = yes("useCompletionUrls");
  out.by_deployment = yes("useDeploymentBasedUrls");
  return out;
}

class Dialect final : public protocol::Dialect {
 public:
  Result<protocol::WireRequest> encode(const ModelRequest& request) const override {
    const auto settings = settings_of(request);
    if (settings.resource.empty() && request.provider.base_url.empty() && request.model.base_url.empty()) {
      return quarterdeck::fail(ErrorCode::invalid,
                               "provider \"{}\" has no address: set AZURE_RESOURCE_NAME, or "
                               "provider.{}.options.resourceName or baseURL in the configuration",
                               request.provider.id, request.provider.id);
    }
    protocol::WireRequest wire;
    TRY(wire.url, protocol::base_url_of(request, fmt::format("https://{}.openai.azure.com/openai", settings.resource)));
    if (settings.by_deployment) {
      wire.url += "/deployments/" + percent_encode(protocol::wire_model(request));
    } else if (!wire.url.ends_with("/v1")) {
      wire.url += "/v1";
    }
    wire.url += settings.chat ? "/chat/completions" : "/responses";
    wire.url += "?api-version=" + percent_encode(settings.version);
    if (!request.provider.api_key.empty()) wire.headers.push_back({"api-key", request.provider.api_key});
    wire.body = settings.chat ? chat_completions::encode_request(request) : responses::encode_request(request);
    return wire;
  }

  std::unique_ptr<protocol::Decoder> decoder(const ModelRequest& request, ModelSink& sink,
                                             Random& random) const override {
    return settings_of(request).chat ? chat_completions::make_decoder(sink, random) : responses::make_decoder(sink);
  }
};

}  // namespace

std::unique_ptr<protocol::Dialect> make_dialect() { return std::make_unique<Dialect>(); }

}  // namespace quarterdeck::llm::azure
