// Members of models and tokens, for the codecs of this folder.
#pragma once

#include "domain/model.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::wire {

// As messages and prompts write it; sessions call the model `id` (describe/session.hpp).
template <class Io>
void describe(Io& io, domain::ModelRef& model) {
  io.field("providerID", model.provider_id);
  io.field("modelID", model.model_id);
  io.field("variant", model.variant);
}

template <class Io>
void describe(Io& io, domain::Tokens& tokens) {
  io.field("total", tokens.total);
  io.field("input", tokens.input);
  io.field("output", tokens.output);
  io.field("reasoning", tokens.reasoning);
  io.object("cache", [&](auto& cache) {
    cache.field("read", tokens.cache_read);
    cache.field("write", tokens.cache_write);
  });
}

// An optional member that must be an object when it is there: {"any":"thing"}.
template <class Io>
void object_text_field(Io& io, std::string_view name, std::optional<domain::JsonText>& value) {
  io.field(name, value);
  if constexpr (Io::reading) {
    if (io.problem().found() || !value) return;
    const Json& found = io.raw().at(name);
    const Path at{&io.path(), name};
    if (!found.is_object()) io.problem().expected("object", found, at);
  }
}

}  // namespace quarterdeck::wire
