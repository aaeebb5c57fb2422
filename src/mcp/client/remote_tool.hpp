// A tool of an MCP server, as sessions call it.
#pragma once

#include <functional>
#include <memory>

#include "mcp/client/connection.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::mcp {

// The server's connection now, or why there is none.
using FindConnection = std::function<Result<std::shared_ptr<Connection>>()>;

// "my server", "get.time" → "my_server_get_time"
std::string tool_name(std::string_view server, std::string_view tool);

std::shared_ptr<tools::Tool> make_remote_tool(std::string server, RemoteTool tool, std::int64_t timeout_ms,
                                              FindConnection connection);

}  // namespace quarterdeck::mcp
