// Models and providers as JSON. A provider is written for clients only, without its key, its headers and whatever
// credentials its URL holds; how providers are configured is read in config/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/model.hpp"

namespace quarterdeck::wire {

std::string encode_model_ref(const domain::ModelRef& model);  // {"providerID","modelID","variant"?}
Result<domain::ModelRef> decode_model_ref(std::string_view json);
std::string encode_tokens(const domain::Tokens& tokens);
Result<domain::Tokens> decode_tokens(std::string_view json);

// An element of GET /config/providers `providers` and GET /provider `all`.
std::string encode_provider(const domain::ProviderInfo& provider);
std::string encode_providers(const std::vector<domain::ProviderInfo>& providers);

}  // namespace quarterdeck::wire
