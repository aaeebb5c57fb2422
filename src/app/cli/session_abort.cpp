#include <unistd.h>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"

namespace quarterdeck::app {
namespace {

Task<int> work(Connected with, SessionAbortOptions options) {
  // OpenCode says yes to any id: a mistyped one must not look aborted.
  auto session = co_await with.client.session({options.session});
  if (!session) co_return give_up(session.error(), options.target);
  with.client.use_directory(session->directory);
  auto aborted = co_await with.client.abort(session->id);
  if (!aborted) co_return give_up(aborted.error(), options.target);
  const std::string text = options.format == Format::json
                               ? fmt::format("{{\"id\":\"{}\",\"aborted\":true}}\n", session->id.value)
                               : fmt::format("stopped {}\n", session->id.value);
  co_return write_all(STDOUT_FILENO, text) ? kExitOk : kExitFailed;
}

}  // namespace

int session_abort(const SessionAbortOptions& options) {
  return on_loop(options.target, [&](Connected with) { return work(with, options); });
}

}  // namespace quarterdeck::app
