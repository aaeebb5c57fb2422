// The request side of OpenAI's chat completions: a ModelRequest as the JSON body. Pure.
// Source: OpenAI API reference, "Create chat completion", and what compatible providers accept of it.
#pragma once

#include <string>

#include "llm/provider.hpp"

namespace quarterdeck::llm::chat_completions {

// Laws: the system text is the first message and the only one of its role; tool results follow their call, and images
// in them come in a user message after the last of them, because this protocol's tool role holds only text.
std::string encode_request(const ModelRequest& request);

}  // namespace quarterdeck::llm::chat_completions
