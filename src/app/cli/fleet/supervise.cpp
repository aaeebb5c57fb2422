#include <unistd.h>

#include "app/cli/fleet/find.hpp"
#include "app/cli/fleet/verbs.hpp"
#include "app/cli/output.hpp"

namespace quarterdeck::app {
namespace {

Task<int> wait_for_words(Connected with, FleetOptions options) {
  const auto ids = co_await find_sessions(with.client, options.words);
  if (!ids) co_return give_up(ids.error(), options.target);
  co_return co_await wait_for(with, std::move(options), *ids);
}

Task<int> act(Connected with, FleetOptions options) {
  switch (options.verb) {
    case FleetVerb::ps: return show_roster(with, std::move(options));
    case FleetVerb::open: return hand_over(with, std::move(options));
    case FleetVerb::watch: return watch(with, std::move(options));
    case FleetVerb::tell: return tell(with, std::move(options));
    case FleetVerb::nudge: return nudge(with, std::move(options));
    case FleetVerb::requests: return show_requests(with, std::move(options));
    case FleetVerb::answer:
    case FleetVerb::approve:
    case FleetVerb::reject: return answer_request(with, std::move(options));
    case FleetVerb::diff: return show_diff(with, std::move(options));
    case FleetVerb::digest: return show_digest(with, std::move(options));
    case FleetVerb::wait: return wait_for_words(with, std::move(options));
    case FleetVerb::search: return search(with, std::move(options));
    case FleetVerb::webhook: return webhook(with, std::move(options));
    case FleetVerb::evidence: return show_evidence(with, std::move(options));
    case FleetVerb::review: return review(with, std::move(options));
    case FleetVerb::rollback: return roll_back(with, std::move(options));
    case FleetVerb::fork: return fork(with, std::move(options));
    case FleetVerb::queue: return show_queue(with, std::move(options));
    case FleetVerb::budget: return budget(with, std::move(options));
    case FleetVerb::schedule: return schedule(with, std::move(options));
    case FleetVerb::accept:
    case FleetVerb::close:
    case FleetVerb::reopen:
    case FleetVerb::set: return settle(with, std::move(options));
  }
  std::abort();
}

}  // namespace

int print(const FleetOptions& options, const wire::Json& answer, std::string_view text) {
  const bool written =
      options.json ? write_all(STDOUT_FILENO, wire::to_text(answer) + "\n") : write_all(STDOUT_FILENO, text);
  return written ? kExitOk : kExitFailed;
}

int supervise(const FleetOptions& options) {
  return on_loop(options.target, [&](Connected with) { return act(with, options); });
}

}  // namespace quarterdeck::app
