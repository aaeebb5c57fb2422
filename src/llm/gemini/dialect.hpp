// Google's Gemini API for the shared provider (protocol "google-gemini"): streamGenerateContent over SSE.
// Source: Gemini API reference, "Generating content", "Function calling", "Thought signatures"; the types of
// @google/genai.
#pragma once

#include "llm/protocol/dialect.hpp"

namespace quarterdeck::llm::gemini {

std::unique_ptr<protocol::Dialect> make_dialect();
std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink, Random& random);

// Laws: roles alternate; every call of a message has its response in the next one, in the same order; the signature of
// a thought goes back on the piece that it came with. Gemini 3 refuses a turn whose first call has none: calls of
// another model carry the word that Google gives for that.
std::string encode_request(const ModelRequest& request);

}  // namespace quarterdeck::llm::gemini
