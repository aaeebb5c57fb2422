#include "api/idempotency.hpp"

#include <algorithm>
#include <cstdint>

namespace quarterdeck::api {
namespace {

constexpr std::size_t kKeyBytesMax = 255;

// FNV-1a, 64 bits: it tells an honest client's two requests apart, it does not resist an attacker.
std::uint64_t hash(std::string_view bytes, std::uint64_t value) {
  for (const char c : bytes) {
    value ^= static_cast<unsigned char>(c);
    value *= 0x100000001b3;
  }
  return value;
}

}  // namespace

Result<std::optional<domain::IdempotencyKey>> idempotency_key(const net::Request& request, std::string_view scope) {
  const std::string* given = request.header("idempotency-key");
  if (!given) return std::nullopt;
  const bool printable = std::ranges::all_of(*given, [](char c) { return c > ' ' && c <= '~'; });
  if (given->empty() || given->size() > kKeyBytesMax || !printable) {
    return fail(ErrorCode::invalid,
                "Expected 1 to {} printable ASCII characters without spaces\n  at [\"Idempotency-Key\"]", kKeyBytesMax);
  }
  std::uint64_t value = 0xcbf29ce484222325;
  value = hash(request.path, value);
  value = hash(request.query_value("directory").value_or(""), value);
  if (const std::string* directory = request.header("x-opencode-directory")) value = hash(*directory, value);
  value = hash(request.body, value);
  return domain::IdempotencyKey{.key = fmt::format("{} {}", scope, *given),
                                .fingerprint = fmt::format("{:016x}-{}", value, request.body.size())};
}

}  // namespace quarterdeck::api
