#include "app/serve.hpp"

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "app/cli/exit_code.hpp"
#include "app/cli/pair.hpp"
#include "app/numbers.hpp"
#include "app/start_memory.hpp"
#include "app/wiring.hpp"
#include "base/async.hpp"
#include "base/log.hpp"
#include "base/redact.hpp"
#include "diagnostics/crash_dump.hpp"
#include "diagnostics/watchdog.hpp"
#include "net/event_loop.hpp"

namespace quarterdeck::app {
namespace {

// Recording where 100 turns stopped takes a tenth of a second. Whatever takes this long is stuck; what is on disk stays
// right, as after kill -9.
constexpr std::int64_t kStopMsMax = 4'500;

Task<void> live(Server& server, const diagnostics::Supervisor& supervisor) {
  co_await server.recover();
  supervisor.tell("READY=1\nSTATUS=serving");
  if (!server.model_line().empty()) log::info("model: {}", server.model_line());
  give_back_start_memory();
}

Task<void> die(net::EventLoop& loop, Server& server, TaskGroup& starting) {
  co_await server.shutdown();
  co_await starting.join();
  loop.stop();
}

// Whatever the environment calls a key, a token or a password must not reach a log.
void hide_secrets_of_environment() {
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    for (const std::string_view ending : {"_KEY", "_TOKEN", "_SECRET", "_PASSWORD"}) {
      if (name.ends_with(ending) && name.size() < text.size()) add_secret(text.substr(name.size() + 1));
    }
  }
}

diagnostics::WatchdogOptions watchdog_options(const diagnostics::Supervisor& supervisor) {
  return {.feed_ms = supervisor.pulse_ms(), .feed = [&supervisor] { supervisor.tell("WATCHDOG=1"); }};
}

// A server that phones reach tells, at its first start, how to get in. To a person only: a log is no place for a link.
void greet_first(const ServeOptions& options, const Places& places, std::uint16_t port) {
  if (!is_shared(options.hostname) || paired_before(places)) return;
  if (::isatty(STDOUT_FILENO) == 0) {
    log::info("nobody signed in yet: quarterdeck pair prints a one-time link and a QR code");
    return;
  }
  const auto link = make_link(places, reachable(fmt::format("http://{}:{}", options.hostname, port)));
  if (!link) {
    log::warn("no link to sign in with: {}", link.error().message);
    return;
  }
  std::fputs(pairing_text(*link, style_of(STDOUT_FILENO)).c_str(), stdout);
  std::fputs("This signs one browser in as admin, once, within 15 minutes; quarterdeck pair makes another.\n", stdout);
}

}  // namespace

int serve(const ServeOptions& options, process::Spawner spawner, diagnostics::Supervisor supervisor) {
  log::set_level(options.log_level == "debug"   ? log::Level::debug
                 : options.log_level == "warn"  ? log::Level::warn
                 : options.log_level == "error" ? log::Level::error
                                                : log::Level::info);
  log::set_format(options.log_format == "json" ? log::Format::json : log::Format::text);
  hide_secrets_of_environment();
  const Places places = Places::from_environment();
  diagnostics::install_crash_dumps(places.data / "crash", QD_VERSION);
  const std::size_t descriptors_max = raise_descriptor_limit();
  const auto loop = net::make_event_loop();
  auto made = make_server(*loop, options, places, std::move(spawner),
                          {.descriptors_max = descriptors_max, .listener = supervisor.take_listener()});
  if (!made) {
    log::error("{}", made.error().message);
    return kExitFailed;
  }
  Server& server = **made;
  // The data directory is ours now.
  if (!log::to_directory(places.data / "log")) log::warn("cannot log to {}", (places.data / "log").string());
  TaskGroup starting(*loop);
  TaskGroup stopping_tasks(*loop);
  bool stopping = false;
  std::unique_ptr<Loop::Handle> last_call;
  const auto signals = loop->on_terminate([&](int) {
    // The second signal does not wait for anybody.
    if (std::exchange(stopping, true)) std::_Exit(kExitInterrupted);
    supervisor.tell("STOPPING=1");
    log::info("stopping; running turns go on with the next start");
    last_call = loop->after_ms(kStopMsMax, [] {
      log::error("something does not end; stopping without it");
      std::_Exit(kExitOk);
    });
    stopping_tasks.spawn(die(*loop, server, starting));
  });
  // OpenCode's SDK waits for a line of this form on standard output.
  std::printf("quarterdeck server listening on http://%s:%u\n", options.hostname.c_str(), server.port());
  greet_first(options, places, server.port());
  std::fflush(stdout);
  log::info("quarterdeck {} listening on {}:{}", QD_VERSION, options.hostname, server.port());
  const diagnostics::Watchdog watchdog(*loop, watchdog_options(supervisor));
  starting.spawn(live(server, supervisor));
  loop->run();
  return kExitOk;
}

}  // namespace quarterdeck::app
