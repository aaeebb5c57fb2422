#include "llm/retry.hpp"

#include <algorithm>

namespace quarterdeck::llm {
namespace {

constexpr std::int64_t kFirstDelayMs = 2'000;
constexpr std::int64_t kDelayMsMax = 30'000;
// An answer that is not the protocol rarely gets better by asking again: one more try, for a proxy's hiccup.
constexpr int kMalformedRetriesMax = 1;

}  // namespace

std::optional<std::int64_t> retry_delay_ms(int attempt, const ModelError& error, std::int64_t wait_max_ms) {
  if (!error.retryable || attempt < 1 || attempt > kRetriesMax) return std::nullopt;
  if (error.kind == ModelError::Kind::malformed && attempt > kMalformedRetriesMax) return std::nullopt;
  if (error.retry_after_ms) {
    if (*error.retry_after_ms > wait_max_ms) return std::nullopt;
    return std::max<std::int64_t>(*error.retry_after_ms, 0);
  }
  return std::min(kFirstDelayMs << (attempt - 1), kDelayMsMax);
}

}  // namespace quarterdeck::llm
