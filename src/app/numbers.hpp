// The numbers at /metrics that are read from the parts of the running server: connections, subscribers, sessions,
// processes, memory, descriptors. What counts by itself stands beside the code that it counts.
#pragma once

#include <memory>
#include <vector>

#include "base/metrics.hpp"
#include "feed/feed.hpp"
#include "net/http_server.hpp"
#include "process/process.hpp"
#include "session/host.hpp"
#include "session/instance.hpp"

namespace quarterdeck::app {

struct Measured {
  const net::HttpServer& http;
  const feed::Feed& feed;
  const session::Host& host;
  const process::Processes& processes;
  const session::Instances& instances;
};

// They end with what they measure: destroy them first.
std::vector<std::unique_ptr<metrics::Shown>> numbers_of(Measured parts);

// As many descriptors as the system lets us have; returns how many. Children started before keep the old limit.
std::size_t raise_descriptor_limit();

}  // namespace quarterdeck::app
