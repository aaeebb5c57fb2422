// What a model call costs: tokens times prices.
#pragma once

#include "domain/model.hpp"

namespace quarterdeck::llm {

// US dollars. Prices are per million tokens; reasoning is billed as output. A model without prices costs 0.
constexpr double cost_dollars(const domain::Tokens& tokens, const domain::Prices& prices) {
  return (static_cast<double>(tokens.input) * prices.input +
          static_cast<double>(tokens.output + tokens.reasoning) * prices.output +
          static_cast<double>(tokens.cache_read) * prices.cache_read +
          static_cast<double>(tokens.cache_write) * prices.cache_write) /
         1e6;
}

}  // namespace quarterdeck::llm
