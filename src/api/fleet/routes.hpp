// What OpenCode has not: our own nouns, under /fleet; tables of routes, described in /doc like the rest.
#pragma once

#include <vector>

#include "api/opencode/routes.hpp"

namespace quarterdeck::api::fleet {

std::vector<Route> roster_routes(Services& services);  // /fleet/roster, /fleet/session/:sessionID
std::vector<Route> handoff_routes(
    Services& services);  // /fleet/handoff, PATCH /fleet/session/:sessionID, nudge, close…
std::vector<Route> request_routes(Services& services);  // /fleet/request…
std::vector<Route> wait_routes(Services& services);  // /fleet/wait, /fleet/events
std::vector<Route> limits_routes(Services& services);  // /fleet/slots, /fleet/queue, /fleet/budget
std::vector<Route> schedule_routes(Services& services);  // /fleet/schedules…
std::vector<Route> digest_routes(Services& services);  // /fleet/session/:sessionID/digest, evidence
std::vector<Route> message_routes(Services& services);  // /fleet/session/:sessionID/message, queue, abort
std::vector<Route> commit_routes(Services& services);  // /fleet/session/:sessionID/commits, review, rollback, worktree
std::vector<Route> upkeep_routes(Services& services);  // /fleet/gc
std::vector<Route> search_routes(Services& services);  // /fleet/search
std::vector<Route> webhook_routes(Services& services);  // /fleet/webhooks
std::vector<Route> context_routes(Services& services);  // /fleet/session/:sessionID/context
std::vector<Route> trust_routes(Services& services);  // /fleet/trust: which directories' own files may run things
std::vector<Route> audit_routes(Services& services);  // /fleet/audit…
std::vector<Route> access_routes(Services& services);  // /fleet/token, /fleet/sign-in, /fleet/principal, /fleet/ticket
std::vector<Route> import_routes(Services& services);  // /fleet/import, /fleet/session/:sessionID/export

}  // namespace quarterdeck::api::fleet
