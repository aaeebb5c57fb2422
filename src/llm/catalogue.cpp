#include "llm/catalogue.hpp"

#include <algorithm>
#include <array>

#include "llm/chat_completions.hpp"
#include "llm/embedded/kCatalogueJson.hpp"
#include "llm/protocols.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::llm {
namespace {

using domain::ModelInfo;
using domain::ModelRef;
using domain::ProviderInfo;

struct ListedModel {
  std::string id;
  std::string name;
  std::int64_t context = 0;
  std::int64_t output = 0;
  std::vector<double> prices;
  std::string flags;
  std::string released;
};
struct ListedProvider {
  std::string id;
  std::string name;
  std::vector<std::string> env;
  std::string npm;
  std::string base_url;
  std::string default_model;
  std::string small_model;
  std::vector<ListedModel> models;
};
struct List {
  std::vector<ListedProvider> providers;
};

template <class Io>
void describe(Io& io, ListedModel& value) {
  io.field("id", value.id);
  io.field("name", value.name);
  io.field("context", value.context);
  io.field("output", value.output);
  io.field("prices", value.prices);
  io.field("flags", value.flags);
  io.field("released", value.released);
}
template <class Io>
void describe(Io& io, ListedProvider& value) {
  io.field("id", value.id);
  io.field("name", value.name);
  io.field("env", value.env);
  io.field("npm", value.npm);
  io.field("base_url", value.base_url);
  io.field("default", value.default_model);
  io.field("small", value.small_model);
  io.field("models", value.models);
}
template <class Io>
void describe(Io& io, List& value) {
  io.field("providers", value.providers);
}

ModelInfo model_of(const ListedProvider& provider, const ListedModel& listed) {
  const auto flag = [&](std::string_view word) { return listed.flags.contains(word); };
  ASSERT(listed.prices.size() == 4, "catalogue.json lists four prices a model");
  return {.id = listed.id,
          .provider_id = provider.id,
          .api_id = listed.id,
          .name = listed.name,
          .family = "",
          .tool_call = flag("tools"),
          .reasoning = flag("reasoning"),
          .attachment = flag("attachment"),
          .temperature = flag("temperature"),
          .context_tokens = listed.context,
          .output_tokens = listed.output,
          .prices = {listed.prices[0], listed.prices[1], listed.prices[2], listed.prices[3]},
          .release_date = listed.released};
}

std::vector<CatalogueProvider> read_catalogue() {
  auto list = wire::decode_text<List>(kCatalogueJson);
  ASSERT(list.has_value(), "catalogue.json is part of the program and must be right");
  std::vector<CatalogueProvider> out;
  for (const auto& listed : list->providers) {
    CatalogueProvider provider{{.id = listed.id,
                                .name = listed.name,
                                .source = "builtin",
                                .env = listed.env,
                                .protocol = std::string(kOpenAiChat),
                                .npm = listed.npm,
                                .base_url = listed.base_url},
                               listed.default_model,
                               listed.small_model};
    for (const auto& model : listed.models) provider.info.models.emplace(model.id, model_of(listed, model));
    out.push_back(std::move(provider));
  }
  return out;
}

const CatalogueProvider* listed(std::string_view id) {
  const auto& all = catalogue();
  const auto found = std::ranges::find(all, id, [](const CatalogueProvider& p) { return std::string_view(p.info.id); });
  return found == all.end() ? nullptr : &*found;
}

template <class T>
void take(T& target, const std::optional<T>& configured) {
  if (configured) target = *configured;
}

ModelInfo bare_model(const std::string& provider, const std::string& id) {
  return {.id = id, .provider_id = provider, .api_id = id, .name = id};
}

void apply(ModelInfo& model, const config::ModelConfig& configured) {
  take(model.api_id, configured.id);
  take(model.name, configured.name);
  take(model.family, configured.family);
  take(model.release_date, configured.release_date);
  take(model.status, configured.status);
  take(model.tool_call, configured.tool_call);
  take(model.reasoning, configured.reasoning);
  take(model.attachment, configured.attachment);
  take(model.temperature, configured.temperature);
  take(model.context_tokens, configured.context_tokens);
  take(model.output_tokens, configured.output_tokens);
  take(model.prices, configured.prices);
  take(model.options, configured.options);
  for (const auto& [name, value] : configured.headers) model.headers.insert_or_assign(name, value);
}

void apply(ProviderInfo& provider, const config::ProviderConfig& configured) {
  take(provider.name, configured.name);
  take(provider.env, configured.env);
  take(provider.base_url, configured.base_url);
  take(provider.api_key, configured.api_key);
  if (configured.npm) {
    provider.npm = *configured.npm;
    provider.protocol = protocol_of_npm(provider.npm);
  }
  for (const auto& [name, value] : configured.headers) provider.headers.insert_or_assign(name, value);
  for (const auto& [id, model] : configured.models) {
    const auto [place, fresh] = provider.models.emplace(id, bare_model(provider.id, id));
    apply(place->second, model);
  }
  std::erase_if(provider.models, [&](const auto& entry) {
    if (configured.whitelist && std::ranges::find(*configured.whitelist, entry.first) == configured.whitelist->end()) {
      return true;
    }
    return std::ranges::find(configured.blacklist, entry.first) != configured.blacklist.end();
  });
  // A provider of the user's own, of a known kind: the kind's address.
  if (provider.base_url.empty()) {
    for (const auto& known : catalogue()) {
      if (known.info.npm == provider.npm && known.info.npm != "@ai-sdk/openai-compatible") {
        provider.base_url = known.info.base_url;
      }
    }
  }
}

bool enabled(const config::Config& config, const std::string& id) {
  if (std::ranges::find(config.disabled_providers, id) != config.disabled_providers.end()) return false;
  return !config.enabled_providers ||
         std::ranges::find(*config.enabled_providers, id) != config.enabled_providers->end();
}

// The provider, if it can be used.
std::optional<ProviderInfo> connect(const std::string& id, const config::ProviderConfig* configured,
                                    const config::Environment& environment) {
  const auto* known = listed(id);
  ProviderInfo provider =
      known ? known->info
            : ProviderInfo{
                  .id = id, .name = id, .protocol = std::string(kOpenAiChat), .npm = "@ai-sdk/openai-compatible"};
  if (configured) {
    apply(provider, *configured);
    provider.source = "config";
  }
  if (provider.api_key.empty()) {
    for (const auto& name : provider.env) {
      if (auto value = environment(name); value && !value->empty()) {
        provider.api_key = *value;
        if (!configured) provider.source = "env";
        break;
      }
    }
  }
  const bool addressed = configured && configured->base_url;
  if (provider.api_key.empty() && !addressed) return std::nullopt;
  return provider;
}

}  // namespace

const std::vector<CatalogueProvider>& catalogue() {
  static const std::vector<CatalogueProvider> all = read_catalogue();
  return all;
}

std::vector<ProviderInfo> connected_providers(const config::Config& config, const config::Environment& environment,
                                              std::vector<ProviderInfo> extra) {
  std::vector<ProviderInfo> providers;
  const auto known = [&](const std::string& id) { return std::ranges::find(providers, id, &ProviderInfo::id); };
  const auto add = [&](std::optional<ProviderInfo> provider) {
    if (provider && known(provider->id) == providers.end()) providers.push_back(*std::move(provider));
  };
  for (const auto& [id, configured] : config.providers) {
    if (enabled(config, id)) add(connect(id, &configured, environment));
  }
  for (const auto& each : catalogue()) {
    if (enabled(config, each.info.id) && !config.providers.contains(each.info.id)) {
      add(connect(each.info.id, nullptr, environment));
    }
  }
  for (auto& provider : extra) {
    if (enabled(config, provider.id)) add(std::move(provider));
  }
  const auto name_model = [&](const std::optional<ModelRef>& model) {
    if (!model) return;
    if (const auto provider = known(model->provider_id); provider != providers.end()) {
      provider->models.emplace(model->model_id, bare_model(model->provider_id, model->model_id));
    }
  };
  name_model(config.model);
  name_model(config.small_model);
  for (const auto& [name, agent] : config.agents) name_model(agent.model);
  return providers;
}

std::string default_model_of(const ProviderInfo& provider) {
  if (const auto* known = listed(provider.id); known && provider.models.contains(known->default_model)) {
    return known->default_model;
  }
  return provider.models.empty() ? "" : provider.models.begin()->first;
}

std::optional<ModelRef> choose_default_model(const config::Config& config, const std::vector<ProviderInfo>& providers) {
  if (config.model) return config.model;
  for (const auto& provider : providers) {
    if (auto model = default_model_of(provider); !model.empty()) return ModelRef{provider.id, std::move(model), {}};
  }
  return std::nullopt;
}

std::optional<ModelRef> choose_small_model(const config::Config& config, const std::vector<ProviderInfo>& providers,
                                           const std::optional<ModelRef>& default_model) {
  if (config.small_model) return config.small_model;
  if (!default_model) return std::nullopt;
  const auto provider = std::ranges::find(providers, default_model->provider_id, &ProviderInfo::id);
  const auto* known = listed(default_model->provider_id);
  if (provider != providers.end() && known && provider->models.contains(known->small_model)) {
    return ModelRef{provider->id, known->small_model, {}};
  }
  return default_model;
}

}  // namespace quarterdeck::llm
