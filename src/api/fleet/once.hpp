// Requests with an Idempotency-Key that are not prompts: the first one's answer is kept beside the session and given
// again, also after a restart. What such a request does may be done twice without harm; its answer would differ.
#pragma once

#include <functional>
#include <string>

#include "api/fleet/routes.hpp"

namespace quarterdeck::api::fleet {

using Act = std::function<Task<net::Response>(Call)>;

// Without the header: `act` alone. Error answers: 400 (key), 409 (it was used for another request), 404 (session).
Task<net::Response> once(Services& services, SessionId session, Call call, Act act);

}  // namespace quarterdeck::api::fleet
