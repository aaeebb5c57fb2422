// One directory of the server as the ACP bridge knows it: its calls, and its events while the bridge runs.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "app/cli/client.hpp"
#include "app/cli/event_stream.hpp"
#include "app/cli/on_loop.hpp"
#include "base/async.hpp"

namespace quarterdeck::app {

class Place;

class PlaceListener {
 public:
  virtual ~PlaceListener() = default;
  virtual void on_event(std::string_view json) = 0;
  virtual void on_connected_again(Place& place) = 0;  // something may have been missed
  virtual void on_gone() = 0;  // and does not come back
};

class Place final : public EventListener {
 public:
  Place(PlaceListener& listener, Connected with, Target target);

  Task<void> follow(std::stop_token stop);
  // Connected, or gone.
  Task<void> settled();

  Client client;
  std::optional<Error> gone;

 private:
  void on_connected(Connection connection) override;
  void on_event(std::string_view json) override { listener_.on_event(json); }
  void on_lost(const Error& why) override;
  void settle();

  PlaceListener& listener_;
  Loop& loop_;
  bool settled_ = false;
  std::vector<OneShot<Unit>::Setter> waiting_;
  EventStream stream_;
};

}  // namespace quarterdeck::app
