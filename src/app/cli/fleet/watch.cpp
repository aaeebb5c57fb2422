// watch: sessions as they work, over lost connections.
#include <unistd.h>

#include <map>

#include "app/cli/event_stream.hpp"
#include "app/cli/fleet/find.hpp"
#include "app/cli/fleet/verbs.hpp"
#include "app/cli/fleet/watch_lines.hpp"
#include "app/cli/output.hpp"

namespace quarterdeck::app {
namespace {

class Watcher final : public EventListener {
 public:
  Watcher(FleetOptions options, std::map<std::string, std::string> names)
      : options_(std::move(options)),
        names_(std::move(names)),
        lines_(names_, options_.target.directory, style_of(STDOUT_FILENO)) {}

  void on_connected(Connection connection) override {
    if (connection == Connection::again) complain("connected again");
  }
  void on_lost(const Error& why) override { complain(fmt::format("connection lost: {}", why.message)); }
  void on_event(std::string_view text) override {
    const auto event = wire::parse(text);
    if (!event) return;
    const wire::Json* payload = wire::value_at(*event, "payload");
    if (payload == nullptr) return;
    const std::string json = wire::to_text(*payload);
    bool written = true;
    if (options_.json) {
      const wire::Json* properties = wire::value_at(*payload, "properties");
      if (properties != nullptr && names_.contains(wire::string_at(*properties, "sessionID")))
        written = write_all(STDOUT_FILENO, json + "\n");
    } else if (const auto live = read_live_event(json)) {
      written = write_all(STDOUT_FILENO, lines_.on(*live));
    }
    if (!written) stop_.request_stop();
  }
  std::stop_token stopped() const { return stop_.get_token(); }

 private:
  FleetOptions options_;
  std::map<std::string, std::string> names_;
  WatchLines lines_;
  std::stop_source stop_;
};

}  // namespace

Task<int> watch(Connected with, FleetOptions options) {
  const auto ids = co_await find_sessions(with.client, options.words);
  if (!ids) co_return give_up(ids.error(), options.target);
  std::map<std::string, std::string> names;
  for (const std::string& id : *ids) {
    Client::Call call{.path = session_path(id)};
    const auto row = co_await with.client.call(std::move(call));
    if (!row) co_return give_up(row.error(), options.target);
    names[id] = harmless(wire::string_at(*row, "title"));
    options.target.directory = wire::string_at(*row, "directory");
    const wire::Json* attention = wire::value_at(*row, "attention");
    if (!options.json && attention != nullptr) {
      complain(fmt::format("{} \"{}\": {}", id, names[id], harmless(wire::string_at(*attention, "reason"))));
    }
  }
  with.client.listen_to_all();
  Watcher watcher(options, std::move(names));
  EventStream events(with.loop, with.http, with.client, watcher);
  const auto ended = co_await events.follow(watcher.stopped());
  if (!ended) co_return give_up(ended.error(), options.target);
  co_return kExitOk;
}

}  // namespace quarterdeck::app
