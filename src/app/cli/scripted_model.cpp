#include "llm/scripted_model.hpp"

#include <unistd.h>

#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"

namespace quarterdeck::app {
namespace {

detail::Detached stop(llm::ScriptedModel& model, net::EventLoop& loop) {
  co_await model.shutdown();
  loop.stop();
}

}  // namespace

int scripted_model(const ScriptedModelOptions& options) {
  const auto loop = net::make_event_loop();
  llm::ScriptedModelOptions how{.port = options.port};
  if (options.scenario) how.scenario_file = *options.scenario;
  auto model = llm::start_scripted_model(*loop, std::move(how));
  if (!model) {
    complain(model.error().message);
    return kExitFailed;
  }
  int signals = 0;
  const auto watch = loop->on_terminate([&](int) {
    if (++signals == 1) stop(**model, *loop);
    if (signals > 1) loop->stop();
  });
  write_all(STDOUT_FILENO, fmt::format("scripted model listening on {}\n", (*model)->base_url()));
  loop->run();
  return kExitOk;
}

}  // namespace quarterdeck::app
