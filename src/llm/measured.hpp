// A provider that counts: requests, how they ended, how long they took, tokens. Wrapped around each protocol by the
// composition root.
#pragma once

#include <memory>
#include <string_view>

#include "llm/provider.hpp"

namespace quarterdeck::llm {

// `provider` outlives it.
std::unique_ptr<Provider> make_measured(Provider& provider);

// A request is going to be repeated.
void count_retry(std::string_view provider_id);

}  // namespace quarterdeck::llm
