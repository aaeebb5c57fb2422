// The error shapes of OpenCode's v2 API (/api/…).
#pragma once

#include "api/call.hpp"
#include "base/id.hpp"
#include "store/query.hpp"

namespace quarterdeck::api::opencode {

// {"_tag":"InvalidRequestError","message","kind"}, 400
net::Response invalid_request(std::string_view message, std::string_view kind);
// {"_tag":"SessionNotFoundError","sessionID","message"}, 404
net::Response session_not_found(const SessionId& id);
net::Response message_not_found(const SessionId& session, const MessageId& id);
// What an error of ours is there; `session` for those that are about one.
net::Response error_v2(const Error& error, std::string_view kind = "Payload");
// An answer when the id is none, or nobody's.
std::optional<net::Response> no_session_v2(store::Query& query, const SessionId& id);

}  // namespace quarterdeck::api::opencode
