// OpenAI's chat completions for the shared provider.
#pragma once

#include "llm/protocol/dialect.hpp"

namespace quarterdeck::llm::chat_completions {

std::unique_ptr<protocol::Dialect> make_dialect();
std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink, Random& random);

}  // namespace quarterdeck::llm::chat_completions
