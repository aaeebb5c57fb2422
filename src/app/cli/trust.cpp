#include <unistd.h>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/quantity.hpp"
#include "app/cli/table.hpp"
#include "app/cli/terminal.hpp"
#include "base/clock.hpp"
#include "config/trust.hpp"

namespace quarterdeck::app {
namespace {

// Trust is a file, so it can be given while no server runs. One that runs reads the project's configuration again.
Task<int> tell_server(Connected with, Client::Call call) {
  [[maybe_unused]] const auto told = co_await with.client.call(std::move(call));
  co_return kExitOk;
}

std::string as_json(const std::vector<config::TrustedDirectory>& list) {
  wire::JsonArray out;
  for (const auto& entry : list) {
    out.push_back(wire::JsonObject{{"directory", entry.directory.string()}, {"since", entry.since}});
  }
  return wire::to_text(out) + "\n";
}

int list_trusted(const TrustOptions& options, const Places& places) {
  const auto list = config::trusted_directories(places);
  if (!list) {
    complain(list.error().message);
    return kExitFailed;
  }
  if (options.format == Format::json) return write_all(STDOUT_FILENO, as_json(*list)) ? kExitOk : kExitFailed;
  if (list->empty()) {
    complain("no directory is trusted; quarterdeck trust DIR trusts one");
    return kExitOk;
  }
  Table table({"SINCE", "DIRECTORY"});
  for (const auto& entry : *list) {
    table.add({{age(system_clock().now_ms(), entry.since)}, {harmless(entry.directory.string())}});
  }
  return write_all(STDOUT_FILENO, table.text(style_of(STDOUT_FILENO))) ? kExitOk : kExitFailed;
}

}  // namespace

int trust(const TrustOptions& options) {
  const Places places = Places::from_environment();
  const std::string& directory = options.target.directory;
  Client::Call call{.path = "/fleet/trust"};
  std::string said;
  switch (options.action) {
    case TrustOptions::Action::list: return list_trusted(options, places);
    case TrustOptions::Action::add: {
      const auto trusted = config::trust(places, directory, system_clock().now_ms());
      if (!trusted) {
        complain(trusted.error().message);
        return kExitFailed;
      }
      said = fmt::format("trusted {}\n", trusted->string());
      call.method = "POST";
      call.body = wire::to_text(wire::JsonObject{{"directory", trusted->string()}});
      break;
    }
    case TrustOptions::Action::remove: {
      const auto removed = config::distrust(places, directory);
      if (!removed || !*removed) {
        complain(removed ? fmt::format("{} was not trusted", directory) : removed.error().message);
        return kExitFailed;
      }
      said = fmt::format("no longer trusted: {}\n", directory);
      call.method = "DELETE";
      call.query = {{"directory", directory}};
      break;
    }
  }
  on_loop(options.target, [&](Connected with) { return tell_server(with, call); });
  return write_all(STDOUT_FILENO, said) ? kExitOk : kExitFailed;
}

}  // namespace quarterdeck::app
