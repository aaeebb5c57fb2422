// Takes secrets out of text on its way to a log: those that were named (keys of the configuration, the password), and
// what looks like one: Authorization values, user:password in URLs, token= and key= in queries, well-known key prefixes.
// Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace quarterdeck {

// From now on this value is never written. Shorter than 6 characters is not taken: it would hide ordinary words.
void add_secret(std::string_view secret);

std::string redact(std::string_view text);

}  // namespace quarterdeck
