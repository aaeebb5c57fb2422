// Which providers and models there are: the built-in list, what the configuration makes of it, and which model answers
// when nobody chose one. Pure; the list is catalogue.json, embedded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "config/credentials.hpp"
#include "domain/model.hpp"

namespace quarterdeck::llm {

// A list of providers in the shape of models.dev's api.json. What cannot be understood in it is left out; what it holds
// is bounded. Error: `invalid` when nothing is left.
Result<std::vector<domain::ProviderInfo>> parse_catalogue(std::string_view json);

// The list that is shipped (catalogue.json), in order of preference. Parsed once.
const std::vector<domain::ProviderInfo>& builtin_catalogue();
// `newer` in the order of the shipped list, and what only that has.
std::vector<domain::ProviderInfo> refreshed(std::vector<domain::ProviderInfo> newer);

// What is known besides the configuration and the environment.
struct Known {
  const std::vector<domain::ProviderInfo>& providers = builtin_catalogue();
  config::Credentials credentials = {};
  TimeMs now = 0;
};

// The usable providers, best first: configured ones, then those with a stored key or one in the environment, then
// `extra` (local endpoints, the scripted model). Usable = has a key, or the configuration gives it an address, which may
// need none. The configuration's key wins over the stored one, that over the environment's.
// A model that the configuration names, but nobody describes, is added to its provider.
std::vector<domain::ProviderInfo> connected_providers(const config::Config& config,
                                                      const config::Environment& environment,
                                                      std::vector<domain::ProviderInfo> extra = {},
                                                      const Known& known = {});

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
