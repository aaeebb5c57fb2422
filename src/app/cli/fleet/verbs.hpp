// The verbs, each in the file that says what it does. They print their own errors and return the exit code.
#pragma once

#include "app/cli/fleet/options.hpp"
#include "app/cli/on_loop.hpp"

namespace quarterdeck::app {

Task<int> show_roster(Connected with, FleetOptions options);
Task<int> show_requests(Connected with, FleetOptions options);
Task<int> hand_over(Connected with, FleetOptions options);
Task<int> tell(Connected with, FleetOptions options);
Task<int> nudge(Connected with, FleetOptions options);
Task<int> answer_request(Connected with, FleetOptions options);  // answer, approve, reject
Task<int> settle(Connected with, FleetOptions options);          // accept, close, reopen, set
Task<int> show_diff(Connected with, FleetOptions options);
Task<int> show_digest(Connected with, FleetOptions options);
Task<int> wait_for(Connected with, FleetOptions options, std::vector<std::string> sessions);
Task<int> search(Connected with, FleetOptions options);
Task<int> webhook(Connected with, FleetOptions options);
Task<int> show_evidence(Connected with, FleetOptions options);
Task<int> review(Connected with, FleetOptions options);
Task<int> roll_back(Connected with, FleetOptions options);
Task<int> fork(Connected with, FleetOptions options);
Task<int> show_queue(Connected with, FleetOptions options);
Task<int> budget(Connected with, FleetOptions options);
Task<int> schedule(Connected with, FleetOptions options);
Task<int> watch(Connected with, FleetOptions options);

// JSON as the server gave it, or the text.
int print(const FleetOptions& options, const wire::Json& answer, std::string_view text);

}  // namespace quarterdeck::app
