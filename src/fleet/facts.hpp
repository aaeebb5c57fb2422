// Reads from the store what the attention of a session follows from. Any thread.
#pragma once

#include "base/result.hpp"
#include "fleet/attention.hpp"
#include "store/query.hpp"

namespace quarterdeck::fleet {

inline constexpr std::string_view kStanding = "standing";    // kinds of records
inline constexpr std::string_view kAttention = "attention";
inline constexpr std::string_view kRef = "ref";
inline constexpr std::string_view kHandoff = "handoff";  // open until its prompt is admitted

// Without what only the running server knows: status, stall, why a prompt is held back.
Result<Facts> read_facts(store::Query& query, const domain::Session& session);

// Absent records read as the default.
Result<domain::Standing> read_standing(store::Query& query, const SessionId& session);
struct StoredAttention {
  domain::Attention attention;
  store::Seq seq = 0;
};
Result<std::optional<StoredAttention>> read_attention(store::Query& query, const SessionId& session);

// The session and all below it, itself first; at most a few hundred.
Result<std::vector<SessionId>> family(store::Query& query, const SessionId& session);
// The topmost session above it; itself when it has no parent.
Result<domain::Session> head_of(store::Query& query, const SessionId& session);

// Untrusted text for a sentence: one line, valid, at most `bytes_max`.
std::string shortened(std::string_view text, std::size_t bytes_max);

}  // namespace quarterdeck::fleet
