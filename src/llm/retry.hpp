// When a failed model call is tried again: pure, so that the runner owns the waiting and shows it.
#pragma once

#include <cstdint>
#include <optional>

#include "llm/provider.hpp"

namespace quarterdeck::llm {

// Six requests a step at the most: the first and five retries.
inline constexpr int kRetriesMax = 5;
// A longer Retry-After is not waited for, unless the configuration says so: the turn ends with an error that says when
// to come back.
inline constexpr std::int64_t kRetryAfterMsMax = 60 * 60 * 1000;

// `attempt` counts from 1. Nothing = give up. About 2, 4, 8, 16, 30 s, or what the provider asked for.
std::optional<std::int64_t> retry_delay_ms(int attempt, const ModelError& error,
                                           std::int64_t wait_max_ms = kRetryAfterMsMax);

}  // namespace quarterdeck::llm
