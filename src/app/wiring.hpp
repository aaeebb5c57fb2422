// The whole server, put together. Reading wiring.cpp from top to bottom shows the program.
#pragma once

#include <memory>

#include "app/serve.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "net/event_loop.hpp"
#include "process/process.hpp"

namespace quarterdeck::app {

class Server {
 public:
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  // What models can be used in the server's own directory; for the banner.
  virtual std::string model_line() const = 0;
  // Takes up what the last run left open, in the background.
  virtual Task<void> recover() = 0;
  // Stops admitting, leaves running turns open for the next start, answers what can be answered, closes.
  virtual Task<void> shutdown() = 0;
};

// What the process brings: how many descriptors it may open, and a socket that listens already (else host and port).
struct Given {
  std::size_t descriptors_max = 1024;
  UniqueFd listener;
};

// Errors: the data directory is held by another server, the port is taken, the scenario file is wrong…
Result<std::unique_ptr<Server>> make_server(net::EventLoop& loop, const ServeOptions& options, const Places& places,
                                            process::Spawner spawner, Given given = {});

}  // namespace quarterdeck::app
