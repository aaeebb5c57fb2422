// When a conversation is too long for its model, and what takes its place. Pure; turn_compaction.cpp does it.
//
//   prune      old tool output is no longer shown to the model (time.compacted); the two newest turns keep theirs
//   summarise  everything said so far becomes one message that the model writes itself
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "domain/message.hpp"
#include "domain/model.hpp"
#include "session/history.hpp"

namespace quarterdeck::session {

// A rough count, the same for every model: four bytes a token.
std::int64_t estimated_tokens(std::string_view text);
std::int64_t estimated_tokens(const llm::ChatMessages& messages);

// How many tokens a request may have, its answer left room for. 0: the model's limit is not known.
std::int64_t usable_tokens(const domain::ModelInfo& model, const config::Compaction& config);
// What a step's usage says the next request begins with.
std::int64_t tokens_in_context(const domain::Tokens& tokens);

// The newest finished summary that stands for what was said before it.
struct Cut {
  MessageId request;  // the user message with the compaction part
  MessageId summary;
  std::size_t at = 0;  // where the summary stands in the history
};
std::optional<Cut> newest_cut(const History& history, std::size_t from = 0);  // at `from` or behind it

// The prompt whose last step the provider refused for its length, before `request` for a summary was made: not one that
// waits for its turn meanwhile. Null when it is the first of the session: there is nothing before it to summarise.
const HistoryMessage* refused_prompt(const History& history, const MessageId& request);
bool is_compaction_request(const domain::MessageWithParts& message);

// Completed calls whose output has had its time, oldest first; empty when it is not worth it.
std::vector<domain::Part> prunable(const History& history);

// Compactions at the end of the history between which next to nothing was done.
int fruitless_compactions(const History& history);

// What the model is asked for a summary with: the conversation since the last one as quoted text, without media, with
// its tool output shortened until it is at most `tokens_max` long, then the question. `until`: that message and what
// comes behind it are left out.
std::string summary_request(const History& history, const MessageId& until, std::int64_t tokens_max);

// The prompt that is said again after a provider refused the conversation for its length: its media as text.
std::vector<domain::PartContent> without_media(const std::vector<domain::Part>& parts);

inline constexpr std::string_view kContinue =
    "Continue if you have next steps, or stop and ask for clarification if you are unsure how to proceed.";

}  // namespace quarterdeck::session
