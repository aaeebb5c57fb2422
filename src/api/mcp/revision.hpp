// Which revision of MCP a request speaks, and what the stateless one demands of each request's headers.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "api/mcp/message.hpp"

namespace quarterdeck::api::mcp {

inline constexpr std::string_view kStateless = "2026-07-28";
inline constexpr std::array<std::string_view, 2> kStatefulRevisions{"2025-11-25", "2025-06-18"};  // newest first

bool is_stateful_revision(std::string_view version);
wire::JsonArray supported_revisions();
bool is_stateless(const net::Request& request, const Message& message);
// Why a request is refused: 400.
std::optional<Failure> check_stateless(const net::Request& request, const Message& message);

}  // namespace quarterdeck::api::mcp
