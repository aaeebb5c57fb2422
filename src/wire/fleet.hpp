// What the fleet knows of sessions as JSON, and the commands on it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/fleet.hpp"
#include "domain/handoff.hpp"

namespace quarterdeck::wire {

std::string encode_standing(const domain::Standing& standing);
Result<domain::Standing> decode_standing(std::string_view json);
std::string encode_attention(const domain::Attention& attention);
Result<domain::Attention> decode_attention(std::string_view json);
std::string encode_budget(const domain::Budget& budget);
// Errors: `invalid` with the path of the member, which stands alone.
Result<domain::Budget> decode_budget(std::string_view json);
std::string encode_waiting(const domain::Waiting& waiting);
std::string encode_roster_row(const domain::RosterRow& row);

// POST /fleet/handoff; `directory` may be absent. PATCH /fleet/session/:id. POST /fleet/request/:id/answer.
Result<domain::Handoff> decode_handoff(std::string_view json);
Result<domain::StandingChange> decode_standing_change(std::string_view json);
Result<domain::RequestAnswer> decode_request_answer(std::string_view json);
// What a handoff asked, kept until its prompt was admitted.
std::string encode_handoff(const domain::Handoff& handoff);

// An answer that is kept for a request that comes again.
struct KeptAnswer {
  std::string fingerprint;
  int status = 200;
  std::string body;
};
std::string encode_kept_answer(const KeptAnswer& answer);
Result<KeptAnswer> decode_kept_answer(std::string_view json);

std::string_view priority_name(domain::Priority priority);
std::string_view group_name(domain::Attention::Group group);
std::string_view state_name(domain::Attention::State state);
std::optional<domain::Priority> priority_named(std::string_view name);
std::optional<domain::Attention::Group> group_named(std::string_view name);
std::optional<domain::Attention::State> state_named(std::string_view name);

}  // namespace quarterdeck::wire
