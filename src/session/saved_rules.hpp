// What was answered "always" and lasts: the rules of a session's project, or of its directory outside a repository.
#pragma once

#include "domain/permission.hpp"
#include "domain/session.hpp"
#include "store/query.hpp"

namespace quarterdeck::session {

// Read where a question would be asked otherwise; well under a millisecond.
domain::Ruleset saved_rules(store::Query& query, const domain::Session& session);

}  // namespace quarterdeck::session
