// `result_schema` of a handoff or a message: the JSON schema that the final answer has to fit (wire/json_schema.hpp says what
// of it is checked). At most 20,000 bytes, of an object: the answer is the arguments of a tool call.
#pragma once

#include <optional>

#include "domain/json_text.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::wire {

void result_schema_field(Reader& io, std::optional<domain::JsonText>& schema);

// The `format` of the prompt that asks for it.
domain::JsonText format_for(const domain::JsonText& schema);

}  // namespace quarterdeck::wire
