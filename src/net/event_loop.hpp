// The real loop, over Asio. One thread calls run(); everything else happens on it.
#pragma once

#include <memory>

#include "base/loop.hpp"
#include "base/task.hpp"

namespace quarterdeck::net {

class EventLoop : public Loop {
 public:
  // Returns after stop().
  virtual void run() = 0;
  // Callable from any thread and from callbacks.
  virtual void stop() = 0;
  // Calls `on_signal` on the loop for SIGINT and SIGTERM, each time one arrives.
  virtual std::unique_ptr<Handle> on_terminate(std::move_only_function<void(int)> on_signal) = 0;
};

std::unique_ptr<EventLoop> make_event_loop();

}  // namespace quarterdeck::net
