// What a directory offers, in the shapes of OpenCode's v2 API.
#include "api/opencode/location.hpp"
#include "api/opencode/routes.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::opencode {
namespace {

std::string_view effect_of(domain::Action action) {
  switch (action) {
    case domain::Action::allow: return "allow";
    case domain::Action::ask: return "ask";
    case domain::Action::deny: return "deny";
  }
  return "ask";
}

wire::JsonObject no_request() { return {{"headers", wire::JsonObject{}}, {"body", wire::JsonObject{}}}; }

wire::JsonObject api_of(const domain::ProviderInfo& provider) {
  wire::JsonObject api{{"type", "aisdk"},
                       {"package", provider.npm.empty() ? "@ai-sdk/openai-compatible" : provider.npm}};
  if (!provider.base_url.empty()) api["url"] = provider.base_url;
  return api;
}

wire::JsonObject model_of(const domain::ProviderInfo& provider, const domain::ModelInfo& model) {
  wire::JsonObject api = api_of(provider);
  api["id"] = model.api_id.empty() ? model.id : model.api_id;
  wire::JsonArray inputs{"text"};
  if (model.attachment) inputs.push_back("image");
  const domain::Prices& prices = model.prices;
  wire::JsonObject out{
      {"id", model.id},
      {"providerID", provider.id},
      {"name", model.name.empty() ? model.id : model.name},
      {"api", std::move(api)},
      {"capabilities",
       wire::JsonObject{{"tools", model.tool_call}, {"input", std::move(inputs)}, {"output", wire::JsonArray{"text"}}}},
      {"request", no_request()},
      {"variants", wire::JsonArray{}},
      {"time", wire::JsonObject{{"released", 0}}},
      {"cost", wire::JsonArray{wire::JsonObject{
                   {"input", prices.input},
                   {"output", prices.output},
                   {"cache", wire::JsonObject{{"read", prices.cache_read}, {"write", prices.cache_write}}}}}},
      {"status", model.status},
      {"enabled", true},
      {"limit", wire::JsonObject{{"context", model.context_tokens}, {"output", model.output_tokens}}}};
  if (!model.family.empty()) out["family"] = model.family;
  return out;
}

wire::JsonObject agent_of(const domain::Agent& agent) {
  wire::JsonArray permissions;
  for (const domain::Rule& rule : agent.permission) {
    permissions.push_back(
        wire::JsonObject{{"action", rule.permission}, {"resource", rule.pattern}, {"effect", effect_of(rule.action)}});
  }
  wire::JsonObject out{{"id", agent.name},   {"request", no_request()}, {"description", agent.description},
                       {"mode", agent.mode}, {"hidden", agent.hidden},  {"permissions", std::move(permissions)}};
  if (agent.prompt) out["system"] = *agent.prompt;
  if (agent.model)
    out["model"] = wire::JsonObject{{"id", agent.model->model_id}, {"providerID", agent.model->provider_id}};
  return out;
}

struct CatalogRoutes {
  Services& services;

  Task<std::shared_ptr<session::Instance>> instance(Call call) const {
    std::filesystem::path directory = requested_directory(call.request, services.directory);
    co_return co_await services.engine.instances.open(std::move(directory));
  }

  Task<net::Response> location(Call call) const {
    const auto found = co_await instance(std::move(call));
    co_return json(location_json(found->location));
  }

  Task<net::Response> agents(Call call) const {
    const auto found = co_await instance(std::move(call));
    wire::JsonArray data;
    for (const auto& agent : found->agents) data.push_back(agent_of(agent));
    co_return json(located(found->location, wire::to_text(data)));
  }

  Task<net::Response> models(Call call) const {
    const auto found = co_await instance(std::move(call));
    wire::JsonArray data;
    for (const auto& provider : found->providers) {
      for (const auto& [id, model] : provider.models) data.push_back(model_of(provider, model));
    }
    co_return json(located(found->location, wire::to_text(data)));
  }

  static wire::JsonObject provider_json(const domain::ProviderInfo& provider) {
    return {{"id", provider.id},
            {"name", provider.name.empty() ? provider.id : provider.name},
            {"api", api_of(provider)},
            {"request", no_request()}};
  }

  Task<net::Response> providers(Call call) const {
    const auto found = co_await instance(std::move(call));
    wire::JsonArray data;
    for (const auto& provider : found->providers) data.push_back(provider_json(provider));
    co_return json(located(found->location, wire::to_text(data)));
  }

  Task<net::Response> provider(Call call) const {
    const std::string id = call.param("providerID");
    const auto found = co_await instance(std::move(call));
    const domain::ProviderInfo* known = found->find_provider(id);
    if (!known) {
      co_return tagged(404, "ProviderNotFoundError",
                       fmt::format(R"("providerID":{},"message":{})", wire::quoted(id),
                                   wire::quoted(fmt::format("Provider not found: {}", id))));
    }
    co_return json(located(found->location, wire::to_text(provider_json(*known))));
  }

  // References: this version has none of its own.
  Task<net::Response> none(Call call) const {
    const auto found = co_await instance(std::move(call));
    co_return json(located(found->location, "[]"));
  }
};

}  // namespace

std::vector<Route> catalog_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (CatalogRoutes::*handler)(Call) const) {
    return [routes = CatalogRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = CatalogRoutes;
  const std::vector<Query> directory{{"directory", "Working directory; x-opencode-directory says the same"}};
  return {
      {"GET", "/api/location", "v2.location.get", "The directory and its project", bind(&R::location), "LocationInfo",
       "", directory},
      {"GET", "/api/agent", "v2.agent.list", "Agents, the default one first", bind(&R::agents), "LocatedAgents", "",
       directory},
      {"GET", "/api/model", "v2.model.list", "Models of the connected providers", bind(&R::models), "LocatedModels", "",
       directory},
      {"GET", "/api/provider", "v2.provider.list", "Connected providers", bind(&R::providers), "LocatedProviders", "",
       directory},
      {"GET", "/api/provider/:providerID", "v2.provider.get", "One of them", bind(&R::provider), "LocatedProvider", "",
       directory},
      {"GET", "/api/reference", "v2.reference.list", "References", bind(&R::none), "LocatedList", "", directory},
  };
}

}  // namespace quarterdeck::api::opencode
