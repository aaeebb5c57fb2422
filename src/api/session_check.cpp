#include "api/session_check.hpp"

#include "api/call.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api {

std::optional<net::Response> no_session(store::Query& query, const SessionId& id) {
  if (!has_prefix(id)) {
    return bad_request(
        fmt::format("Expected a string starting with \"ses\", got {}\n  at [\"sessionID\"]", wire::quoted(id.value)),
        Where::params);
  }
  const auto known = query.session_json(id);
  if (!known) return error_response(known.error());
  return std::nullopt;
}

}  // namespace quarterdeck::api
