#include "app/cli/on_loop.hpp"

#include <exception>
#include <optional>

#include "app/cli/exit_code.hpp"
#include "app/cli/output.hpp"

namespace quarterdeck::app {
namespace {

struct Outcome {
  int code = kExitFailed;
  std::exception_ptr error;
};

detail::Detached start(Task<int> task, net::EventLoop& loop, Outcome& outcome) {
  try {
    outcome.code = co_await std::move(task);
  } catch (...) {
    outcome.error = std::current_exception();
  }
  loop.stop();
}

}  // namespace

int on_loop(const Target& target, std::function<Task<int>(Connected)> work) {
  const auto loop = net::make_event_loop();
  const auto http = net::make_http_client(*loop);
  Client client(*http, target, authorization_from_environment());
  Outcome outcome;
  loop->post([&] { start(work({*loop, *http, client}), *loop, outcome); });
  loop->run();
  if (outcome.error) std::rethrow_exception(outcome.error);
  return outcome.code;
}

int give_up(const Error& error, const Target& target) {
  if (error.code == ErrorCode::unavailable) {
    complain(fmt::format("no server at {}: {}\nStart one with quarterdeck serve, or name another with --attach URL.",
                         target.url, error.message));
    return kExitUnreachable;
  }
  complain(error.message);
  return kExitFailed;
}

}  // namespace quarterdeck::app
