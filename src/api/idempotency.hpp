// The Idempotency-Key header: a client that does not know whether its request arrived sends it again under the same key
// and gets the first one's answer (docs/prompts.md). Stored with what the request did, so also across a restart.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "domain/delivery.hpp"
#include "net/http.hpp"

namespace quarterdeck::api {

// `scope`: what the key is good for, a session's id or "session" for making one. Nothing without the header; `invalid`
// for a key that is empty, longer than 255 bytes or not printable ASCII.
Result<std::optional<domain::IdempotencyKey>> idempotency_key(const net::Request& request, std::string_view scope);

}  // namespace quarterdeck::api
