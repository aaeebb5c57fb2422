// One configuration document: JSON to values, with errors that name the place.
#pragma once

#include "config/config.hpp"
#include "wire/json.hpp"

namespace quarterdeck::config {

// The members that we understand, typed. `home` replaces ~ and $HOME in permission patterns.
// Errors: `invalid`, "Expected …, got …\n  at ["agent"]["x"]".
Result<Config> decode_document(const wire::JsonObject& document, const std::filesystem::path& home);

}  // namespace quarterdeck::config
