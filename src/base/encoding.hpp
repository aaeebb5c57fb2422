// Text encodings of bytes: base64 (RFC 4648, both alphabets) and percent-encoding (RFC 3986).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quarterdeck {

std::string base64(std::string_view bytes);      // A-Za-z0-9+/ with padding
std::string base64url(std::string_view bytes);   // A-Za-z0-9-_ without padding
// Reads both alphabets, with or without padding; white space is skipped. Nothing for anything else.
std::optional<std::string> base64_decode(std::string_view text);

// Bad escapes stay as they are. `+` is a space in queries only.
std::string percent_decode(std::string_view text, bool plus_is_space = false);
std::string percent_encode(std::string_view text);

}  // namespace quarterdeck
