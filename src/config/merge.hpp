// What happens to configuration documents between reading and decoding: placeholders, merging, hiding of secrets. Pure
// but for the files that placeholders name.
#pragma once

#include "config/config.hpp"
#include "wire/json.hpp"

namespace quarterdeck::config {

// Where placeholders may take their values from.
struct PlaceholderSources {
  const std::filesystem::path& base;  // relative paths start here
  const std::filesystem::path& home;  // ~/
  const Environment& environment;
  // For files of a project that nobody trusts: no variables, and no files outside this directory.
  const std::filesystem::path* confined_to = nullptr;
};

// Replaces {env:NAME} and {file:path} in all strings.
// Errors: `invalid`: a file cannot be read; `denied`: the placeholder is not for this document.
Result<void> substitute(wire::Json& json, const PlaceholderSources& sources);

// `over` wins, member by member; objects merge, everything else replaces, `instructions` and `plugin` at the top add up
// without repetition.
void merge(wire::JsonObject& under, const wire::JsonObject& over);

// "***" instead of every value whose name says that it is a secret, and of all headers and environments.
void hide_secrets(wire::Json& json);

}  // namespace quarterdeck::config
