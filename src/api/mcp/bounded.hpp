// Answers that a model pays for: cut to a size, and saying so. Long texts go first to their beginning, long lists to
// their first elements; what is short (ids, hashes, numbers) is never cut.
#pragma once

#include <cstddef>

#include "wire/json.hpp"

namespace quarterdeck::api::mcp {

inline constexpr std::size_t kAnswerBytes = 24'000;

// About `bytes_max` at most. With something cut the object gets "cut": true.
wire::JsonObject bounded(wire::JsonObject answer, std::size_t bytes_max = kAnswerBytes);

}  // namespace quarterdeck::api::mcp
