// Commands that speak a protocol of agents on the standard streams, and pass it on to a running server: one JSON-RPC
// message a line, nothing else on standard output.
#pragma once

#include "app/cli/target.hpp"

namespace quarterdeck::app {

struct McpBridgeOptions {
  Target target;
  bool operator==(const McpBridgeOptions&) const = default;
};
struct AcpBridgeOptions {
  Target target;
  bool operator==(const AcpBridgeOptions&) const = default;
};

// Both run until standard input ends.
int mcp_bridge(const McpBridgeOptions& options);
int acp_bridge(const AcpBridgeOptions& options);

}  // namespace quarterdeck::app
