// How hard a model thinks: the variants that each offers ("low", "high", "max"…), and the options that a request is made
// with. Pure.
// Source: the vendors' documentation of reasoning effort and thinking budgets; the names are OpenCode's.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "domain/model.hpp"

namespace quarterdeck::llm {

// By name, each an object of options. Empty for a model that does not reason or whose effort cannot be chosen.
std::map<std::string, domain::JsonText> variants_of(const domain::ProviderInfo& provider,
                                                    const domain::ModelInfo& model);

// The provider's own defaults, then the model's options, the agent's, the variant's: later ones win, member by member.
// An unknown variant adds nothing.
domain::JsonText request_options(const domain::ProviderInfo& provider, const domain::ModelInfo& model,
                                 const std::optional<std::string>& variant, const domain::JsonText& agent_options);

}  // namespace quarterdeck::llm
