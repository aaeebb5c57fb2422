#include "api/opencode/routes.hpp"
#include "config/credentials.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::opencode {
namespace {

// Keys come in and never go out. Whoever may call this server may run commands on the machine anyway; what counts is
// that the guard in front of all routes let the request through.
struct AuthRoutes {
  Services& services;

  Task<net::Response> set(Call call) const {
    const domain::JsonText credential{call.request.body};
    if (config::type_of(credential).empty()) {
      // Not with what was sent, as OpenCode does: it may hold a key.
      co_return bad_request("Expected Auth: {\"type\":\"api\",\"key\":\"…\"}, or one of type oauth or wellknown",
                            Where::payload);
    }
    const Places places = services.engine.places;
    const std::string provider = call.param("providerID");
    auto store = [places, provider, credential] { return config::store_credential(places, provider, credential); };
    const auto stored = co_await blocking(services.engine.loop, services.engine.pool, store);
    if (!stored) co_return error_response(stored.error());
    reload();
    co_return json("true");
  }

  Task<net::Response> remove(Call call) const {
    const Places places = services.engine.places;
    const std::string provider = call.param("providerID");
    auto drop = [places, provider] { return config::remove_credential(places, provider); };
    const auto removed = co_await blocking(services.engine.loop, services.engine.pool, drop);
    if (!removed) co_return error_response(removed.error());
    reload();
    co_return json("true");
  }

  // Every directory's providers are found again at its next use; turns that run keep theirs.
  void reload() const {
    for (const auto& instance : services.engine.instances.loaded()) {
      services.engine.instances.dispose(instance->location.directory);
    }
  }
};

}  // namespace

std::vector<Route> auth_routes(Services& services) {
  using R = AuthRoutes;
  const auto bind = [&services](Task<net::Response> (R::*handler)(Call) const) {
    return [routes = R{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  return {
      {"PUT", "/auth/:providerID", "auth.set", "Store a provider's credential", bind(&R::set), "Boolean"},
      {"DELETE", "/auth/:providerID", "auth.remove", "Forget it", bind(&R::remove), "Boolean"},
  };
}

}  // namespace quarterdeck::api::opencode
