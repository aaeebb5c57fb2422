// An MCP server as a child process: messages are lines on its standard input and output, its standard error is its log.
// Source: MCP 2025-11-25, "Transports", stdio.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "mcp/client/transport.hpp"
#include "process/process.hpp"

namespace quarterdeck::mcp {

struct StdioOptions {
  std::vector<std::string> command;
  std::filesystem::path directory;
  std::map<std::string, std::string> environment;  // all of it
  std::string owner;  // of the process tree
};

std::unique_ptr<Transport> make_stdio_transport(Loop& loop, process::Processes& processes, StdioOptions options);

}  // namespace quarterdeck::mcp
