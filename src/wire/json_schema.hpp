// Whether a JSON value is what a JSON schema describes: draft 2020-12, as far as it describes data. types, enum, const,
// members, items, bounds, combinations and references into the schema itself (#/…).
// Laws: `pattern`, `format`, `unevaluated…` and unknown keywords are no condition; a schema that is wrong itself accepts
//       what it says nothing of; the work is bounded, and what is beyond that bound is accepted. Pure.
#pragma once

#include <optional>
#include <string>

#include "wire/json.hpp"

namespace quarterdeck::wire {

// The first thing that does not fit, with its path: `/items/0/price: expected number, got "12"`. Nothing when all fits.
std::optional<std::string> schema_violation(const Json& schema, const Json& value);

}  // namespace quarterdeck::wire
