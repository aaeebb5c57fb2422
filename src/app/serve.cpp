#include "app/serve.hpp"

#include <cstdio>
#include <cstdlib>

#include "app/cli/exit_code.hpp"
#include "app/wiring.hpp"
#include "base/async.hpp"
#include "base/log.hpp"
#include "net/event_loop.hpp"

namespace quarterdeck::app {
namespace {

Task<void> live(Server& server) {
  co_await server.recover();
  if (!server.model_line().empty()) log::info("model: {}", server.model_line());
}

Task<void> die(net::EventLoop& loop, Server& server, TaskGroup& starting) {
  co_await server.shutdown();
  co_await starting.join();
  loop.stop();
}

}  // namespace

int serve(const ServeOptions& options, process::Spawner spawner) {
  log::set_level(options.log_level == "debug"   ? log::Level::debug
                 : options.log_level == "warn"  ? log::Level::warn
                 : options.log_level == "error" ? log::Level::error
                                                : log::Level::info);
  const auto loop = net::make_event_loop();
  auto made = make_server(*loop, options, Places::from_environment(), std::move(spawner));
  if (!made) {
    log::error("{}", made.error().message);
    return kExitFailed;
  }
  Server& server = **made;
  TaskGroup starting(*loop);
  TaskGroup stopping_tasks(*loop);
  bool stopping = false;
  const auto signals = loop->on_terminate([&](int) {
    // The second signal does not wait for anybody. What is on disk stays right, as after kill -9.
    if (std::exchange(stopping, true)) std::_Exit(kExitInterrupted);
    log::info("stopping; running turns go on with the next start");
    stopping_tasks.spawn(die(*loop, server, starting));
  });
  // OpenCode's SDK waits for a line of this form on standard output.
  std::printf("quarterdeck server listening on http://%s:%u\n", options.hostname.c_str(), server.port());
  std::fflush(stdout);
  starting.spawn(live(server));
  loop->run();
  return kExitOk;
}

}  // namespace quarterdeck::app
