#include "api/opencode/errors_v2.hpp"

#include "wire/json.hpp"

namespace quarterdeck::api::opencode {

net::Response invalid_request(std::string_view message, std::string_view kind) {
  return tagged(400, "InvalidRequestError",
                fmt::format(R"("message":{},"kind":{})", wire::quoted(message), wire::quoted(kind)));
}

net::Response session_not_found(const SessionId& id) {
  return tagged(404, "SessionNotFoundError",
                fmt::format(R"("sessionID":{},"message":{})", wire::quoted(id.value),
                            wire::quoted("Session not found: " + id.value)));
}

net::Response message_not_found(const SessionId& session, const MessageId& id) {
  return tagged(404, "MessageNotFoundError",
                fmt::format(R"("sessionID":{},"messageID":{},"message":{})", wire::quoted(session.value),
                            wire::quoted(id.value), wire::quoted("Message not found: " + id.value)));
}

net::Response error_v2(const Error& error, std::string_view kind) {
  switch (error.code) {
    case ErrorCode::invalid: return invalid_request(error.message, kind);
    case ErrorCode::conflict:
      return tagged(409, "ConflictError", fmt::format(R"("message":{})", wire::quoted(error.message)));
    case ErrorCode::unavailable:
      return tagged(503, "ServiceUnavailableError", fmt::format(R"("message":{})", wire::quoted(error.message)));
    default: return error_response(error);
  }
}

std::optional<net::Response> no_session_v2(store::Query& query, const SessionId& id) {
  if (!has_prefix(id)) {
    return invalid_request(
        fmt::format("Expected a string matching the RegExp ^ses, got {}\n  at [\"sessionID\"]", wire::quoted(id.value)),
        "Params");
  }
  const auto known = query.session_json(id);
  if (known) return std::nullopt;
  return known.error().code == ErrorCode::not_found ? session_not_found(id) : error_response(known.error());
}

}  // namespace quarterdeck::api::opencode
