// What the model is shown: a session's history as chat messages. Pure.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "domain/message.hpp"
#include "llm/provider.hpp"
#include "session/history.hpp"

namespace quarterdeck::session {

// History in the order of turns: each prompt followed by its own answer's steps, however the messages' times interleave
// (a prompt may arrive while an earlier one is answered, and overtake one that waits). Prompts that wait for their own
// turn, `waiting` and those behind `current` without an answer, are left out.
// Of what a finished summary stands for only the summary is left (compaction.hpp).
// Law: every tool call in the result has exactly one result, also where a crash or an abort left none.
// `without`, an answer that is not settled yet, is left out too.
llm::ChatMessages chat_messages(const History& history, const MessageId& current,
                                const std::optional<MessageId>& without = {},
                                const std::deque<MessageId>& waiting = {});

// What the model sees of one message: a prompt; or a step's text and calls, then the results of the calls.
std::vector<llm::ChatMessage> render(const domain::MessageWithParts& message);

// Decodes "data:<mime>[;base64],…"; empty when it is not a data URL.
std::string data_url_bytes(std::string_view url);

}  // namespace quarterdeck::session
