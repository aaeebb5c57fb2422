// An MCP server behind a URL. Source: MCP 2025-11-25, "Transports", Streamable HTTP: every message is a POST, answered
// with JSON or a stream of server-sent events; a GET stream brings what the server says by itself.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/async.hpp"
#include "mcp/client/transport.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::mcp {

// Who knows the access token of a server (OAuth).
class Authorization {
 public:
  virtual ~Authorization() = default;
  // The token to send; "" when there is none.
  virtual Task<std::string> token() = 0;
  // The server refused (401); `challenge` is its WWW-Authenticate. True when there is a new token to try with.
  virtual Task<bool> refused(std::string challenge) = 0;
};

struct HttpOptions {
  std::string url;
  std::map<std::string, std::string> headers;
  Authorization* authorization = nullptr;  // outlives the transport; null: none
};

std::unique_ptr<Transport> make_http_transport(Loop& loop, net::HttpClient& http, HttpOptions options);

}  // namespace quarterdeck::mcp
