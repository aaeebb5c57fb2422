// Sessions have to exist before anything is said about what they hold.
#pragma once

#include <optional>

#include "base/id.hpp"
#include "net/http.hpp"
#include "store/query.hpp"

namespace quarterdeck::api {

// The refusal, in OpenCode's shape: 400 for what is no session's id, 404 for one that does not exist.
std::optional<net::Response> no_session(store::Query& query, const SessionId& id);

}  // namespace quarterdeck::api
