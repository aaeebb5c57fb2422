// The server, from its options until a signal ends it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diagnostics/supervisor.hpp"
#include "process/process.hpp"

namespace quarterdeck::app {

struct ServeOptions {
  std::string hostname = "127.0.0.1";
  std::uint16_t port = 4096;            // 0 = any free one
  std::vector<std::string> cors;        // origins of browsers that may call us, besides the local ones
  std::vector<std::string> roots;  // folders below which projects may lie; none: the configuration's, or the usual
  std::optional<std::string> scenario;  // answers of the scripted model, when no other model is there
  std::string log_level = "info";  // debug | info | warn | error
  std::string log_format = "text";  // text | json
  bool print_logs = false;  // taken for OpenCode's sake: logs always go to standard error, and to a file
  bool operator==(const ServeOptions&) const = default;
};

// Runs until SIGINT or SIGTERM. Returns the exit code of the process (cli/exit_code.hpp).
int serve(const ServeOptions& options, process::Spawner spawner, diagnostics::Supervisor supervisor);

}  // namespace quarterdeck::app
