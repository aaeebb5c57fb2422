// Anthropic's Messages for the shared provider (protocol "anthropic-messages").
// Source: Anthropic API reference, "Messages", "Streaming messages", "Extended thinking", "Prompt caching"; the types of
// @anthropic-ai/sdk.
#pragma once

#include "llm/protocol/dialect.hpp"

namespace quarterdeck::llm::messages {

std::unique_ptr<protocol::Dialect> make_dialect();
std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink);

// Laws: results of tools come first in the user message after their calls; thoughts go back with their signatures, to
// the model that had them; at most four cache breakpoints: the system text (and the tools before it) and the two newest
// messages. Budgeted thinking is off while the turn under way began with a call that this model did not think about
// (another model made it): the protocol refuses that.
std::string encode_request(const ModelRequest& request);

}  // namespace quarterdeck::llm::messages
