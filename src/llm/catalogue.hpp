// Which providers and models there are: the built-in list, what the configuration makes of it, and which model answers
// when nobody chose one. Pure; the list is catalogue.json, embedded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "domain/model.hpp"

namespace quarterdeck::llm {

struct CatalogueProvider {
  domain::ProviderInfo info;
  std::string default_model;
  std::string small_model;
};
// In order of preference. Parsed once.
const std::vector<CatalogueProvider>& catalogue();

// The usable providers, best first: configured ones, then those with a key in the environment, then `extra` (local
// endpoints, the scripted model). Usable = has a key, or the configuration gives it an address, which may need none.
// A model that the configuration names, but nobody describes, is added to its provider.
std::vector<domain::ProviderInfo> connected_providers(const config::Config& config,
                                                      const config::Environment& environment,
                                                      std::vector<domain::ProviderInfo> extra = {});

// The configured one, also when it is not available (the user then sees that, not another model's bill); else the best
// provider's default. Nothing without providers.
std::optional<domain::ModelRef> choose_default_model(const config::Config& config,
                                                     const std::vector<domain::ProviderInfo>& providers);
// For titles: the configured one, else the small one of the default model's provider, else the default itself.
std::optional<domain::ModelRef> choose_small_model(const config::Config& config,
                                                   const std::vector<domain::ProviderInfo>& providers,
                                                   const std::optional<domain::ModelRef>& default_model);

// Empty when the provider has no models.
std::string default_model_of(const domain::ProviderInfo& provider);

}  // namespace quarterdeck::llm
