// What a failed model call means: HTTP status, error body and the words that providers use, mapped to ModelError.
// Pure. Sources: the OpenAI API reference ("Error codes"), RFC 9110 section 10.2.3 (Retry-After), and the phrases that
// providers are known to answer with.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "llm/provider.hpp"
#include "net/http.hpp"
#include "wire/json.hpp"

namespace quarterdeck::llm::protocol {

inline constexpr std::size_t kErrorBodyBytesMax = 8 * 1024;

// An answer with a status other than 2xx. `body` may be anything: JSON, HTML, nothing.
ModelError failure_of_response(int status, const net::Headers& headers, std::string_view body, TimeMs now_ms);

// An error object in a stream or document: {"message": …, "code": …, "type": …}, or a plain string.
ModelError failure_of_object(const wire::Json& error);

// An answer with status 200 that is not this protocol.
ModelError failure_of_foreign_body(std::string_view body, std::string_view content_type);

// A piece of a stream that is not a JSON object.
ModelError malformed_piece(std::string_view data);
// The stream was over before the answer was.
ModelError early_end();

// From retry-after-ms and Retry-After (seconds or an HTTP date).
std::optional<std::int64_t> retry_after_ms(const net::Headers& headers, TimeMs now_ms);

}  // namespace quarterdeck::llm::protocol
