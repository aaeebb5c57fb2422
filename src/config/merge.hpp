// What happens to configuration documents between reading and decoding: placeholders, merging, hiding of secrets. Pure
// but for the files that placeholders name.
#pragma once

#include "config/config.hpp"
#include "wire/json.hpp"

namespace quarterdeck::config {

// Replaces {env:NAME} and {file:path} in all strings. Relative paths start at `base`, ~/ at `home`.
// Errors: `invalid`: a file cannot be read.
Result<void> substitute(wire::Json& json, const std::filesystem::path& base, const std::filesystem::path& home,
                        const Environment& environment);

// `over` wins, member by member; objects merge, everything else replaces, `instructions` and `plugin` at the top add up
// without repetition.
void merge(wire::JsonObject& under, const wire::JsonObject& over);

// "***" instead of every value whose name says that it is a secret, and of all headers and environments.
void hide_secrets(wire::Json& json);

}  // namespace quarterdeck::config
