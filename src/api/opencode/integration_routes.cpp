// Ways to sign in to model providers, in the shape of OpenCode's v2 API: a key that is stored here, or the provider's
// environment variables. Keys come in and never go out.
#include <algorithm>

#include "api/opencode/errors_v2.hpp"
#include "api/opencode/location.hpp"
#include "api/opencode/routes.hpp"
#include "config/config.hpp"
#include "config/credentials.hpp"
#include "llm/catalogue.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::opencode {
namespace {

using wire::JsonArray;
using wire::JsonObject;

constexpr std::string_view kNoOauth =
    "Signing in to a provider with a browser is not there: use a key (PUT /auth/:id, quarterdeck auth login)";

struct IntegrationRoutes {
  Services& services;

  static JsonObject shown(const domain::ProviderInfo& provider, const config::Credentials& stored) {
    JsonArray methods{JsonObject{{"type", "key"}}};
    if (!provider.env.empty()) {
      methods.push_back(JsonObject{{"type", "env"}, {"names", JsonArray(provider.env.begin(), provider.env.end())}});
    }
    JsonArray connections;
    if (stored.contains(provider.id)) {
      connections.push_back(JsonObject{{"type", "credential"}, {"id", provider.id}, {"label", provider.id}});
    }
    for (const std::string& name : provider.env) {
      if (std::getenv(name.c_str())) connections.push_back(JsonObject{{"type", "env"}, {"name", name}});
    }
    return {{"id", provider.id},
            {"name", provider.name.empty() ? provider.id : provider.name},
            {"methods", std::move(methods)},
            {"connections", std::move(connections)}};
  }

  Task<config::Credentials> stored() const {
    const Places places = services.engine.places;
    auto read = [places] { return config::read_credentials(places).value_or(config::Credentials{}); };
    co_return co_await blocking(services.engine.loop, services.engine.pool, read);
  }
  Task<std::string> location(Call call, std::string data) const {
    const auto found = co_await services.engine.instances.open(requested_directory(call.request, services.directory));
    co_return located(found->location, data);
  }

  Task<net::Response> list(Call call) const {
    const auto credentials = co_await stored();
    JsonArray all;
    for (const auto& provider : llm::builtin_catalogue()) all.push_back(shown(provider, credentials));
    co_return json(co_await location(std::move(call), wire::to_text(all)));
  }

  Task<net::Response> get(Call call) const {
    const std::string id = call.param("integrationID");
    const auto known = std::ranges::find(llm::builtin_catalogue(), id, &domain::ProviderInfo::id);
    if (known == llm::builtin_catalogue().end()) co_return invalid_request("Integration not found: " + id, "Params");
    const auto credentials = co_await stored();
    co_return json(co_await location(std::move(call), wire::to_text(shown(*known, credentials))));
  }

  // Every directory's providers are found again at its next use; turns that run keep theirs.
  void reload() const {
    for (const auto& instance : services.engine.instances.loaded()) {
      services.engine.instances.dispose(instance->location.directory);
    }
  }

  Task<net::Response> connect(Call call) const {
    const auto body = wire::parse(call.request.body);
    const std::string key = body ? wire::string_at(*body, "key") : "";
    if (key.empty()) co_return invalid_request("Missing key\n  at [\"key\"]", "Payload");
    const Places places = services.engine.places;
    const std::string provider = call.param("integrationID");
    const domain::JsonText credential = config::api_credential(key);
    auto store = [places, provider, credential] { return config::store_credential(places, provider, credential); };
    const auto done = co_await blocking(services.engine.loop, services.engine.pool, store);
    if (!done) co_return error_v2(done.error());
    reload();
    co_return no_content();
  }

  // A credential has the name of its provider.
  Task<net::Response> forget(Call call) const {
    const Places places = services.engine.places;
    const std::string provider = call.param("credentialID");
    auto drop = [places, provider] { return config::remove_credential(places, provider); };
    const auto removed = co_await blocking(services.engine.loop, services.engine.pool, drop);
    if (!removed) co_return error_v2(removed.error());
    if (*removed) reload();
    co_return no_content();
  }
};

auto refuse(std::string_view why) {
  return [why](Call) -> Task<net::Response> {
    return [](std::string_view reason) -> Task<net::Response> { co_return invalid_request(reason, "Params"); }(why);
  };
}

}  // namespace

std::vector<Route> integration_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (IntegrationRoutes::*handler)(Call) const) {
    return [routes = IntegrationRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = IntegrationRoutes;
  return {
      {"GET", "/api/integration", "v2.integration.list", "Ways to sign in to providers", bind(&R::list), "LocatedList"},
      {"GET", "/api/integration/:integrationID", "v2.integration.get", "One of them", bind(&R::get),
       "LocatedIntegration"},
      {"POST", "/api/integration/:integrationID/connect/key", "v2.integration.connect.key", "Store a key",
       bind(&R::connect), "NoContent", "IntegrationKey"},
      {"DELETE", "/api/credential/:credentialID", "v2.credential.remove", "Forget a key", bind(&R::forget),
       "NoContent"},
      {"PATCH", "/api/credential/:credentialID", "v2.credential.update", "Refused: a key has no label",
       refuse("A credential has the name of its provider and no other label"), "NoContent"},
      {"POST", "/api/integration/:integrationID/connect/oauth", "v2.integration.connect.oauth", "Refused: keys only",
       refuse(kNoOauth), "Object"},
      {"GET", "/api/integration/attempt/:attemptID", "v2.integration.attempt.status", "Refused: keys only",
       refuse(kNoOauth), "Object"},
      {"POST", "/api/integration/attempt/:attemptID/complete", "v2.integration.attempt.complete", "Refused: keys only",
       refuse(kNoOauth), "NoContent"},
      {"DELETE", "/api/integration/attempt/:attemptID", "v2.integration.attempt.cancel", "Refused: keys only",
       refuse(kNoOauth), "NoContent"},
  };
}

}  // namespace quarterdeck::api::opencode
