// What OpenCode has not: our own nouns, under /fleet.
#pragma once

#include <vector>

#include "api/opencode/routes.hpp"

namespace quarterdeck::api::fleet {

std::vector<Route> trust_routes(Services& services);  // /fleet/trust: which directories' own files may run things

}  // namespace quarterdeck::api::fleet
