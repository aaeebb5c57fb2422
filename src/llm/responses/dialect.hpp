// OpenAI's Responses for the shared provider (protocol "openai-responses").
// Source: OpenAI API reference, "Responses", "Streaming events"; the types of the openai package.
#pragma once

#include "llm/protocol/dialect.hpp"

namespace quarterdeck::llm::responses {

std::unique_ptr<protocol::Dialect> make_dialect();
std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink);

// Laws: nothing is kept at the provider (store: false); thoughts come back encrypted and go back so, in their order
// before what they led to, without the item ids that a stateless provider does not know.
std::string encode_request(const ModelRequest& request);

}  // namespace quarterdeck::llm::responses
