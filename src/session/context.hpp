// What the model is shown: a session's history as chat messages. Pure.
#pragma once

#include <string>
#include <vector>

#include "domain/message.hpp"
#include "llm/provider.hpp"

namespace quarterdeck::session {

// History in the order of turns: each prompt followed by its own answer's steps, however the messages' times interleave
// (a prompt may arrive while an earlier one is answered). Prompts without an answer that are not `current` (still queued
// behind it) are left out.
// Law: every tool call in the result has exactly one result, also where a crash or an abort left none.
std::vector<llm::ChatMessage> chat_messages(const std::vector<domain::MessageWithParts>& history,
                                            const MessageId& current);

// The messages that one step adds: its text and calls, and the results of the calls.
void append_step(std::vector<llm::ChatMessage>& messages, const domain::MessageWithParts& step);

// Decodes "data:<mime>[;base64],…"; empty when it is not a data URL.
std::string data_url_bytes(std::string_view url);

}  // namespace quarterdeck::session
