// The MCP server at /mcp: Streamable HTTP in the stateful revisions 2025-06-18 and 2025-11-25, and in the stateless
// 2026-07-28. What is spoken shows in each request. Answers are JSON; a call that asks for progress is answered as events.
// https://modelcontextprotocol.io/specification
//
// Law: nothing of the sessions' state is here. A client whose MCP session is gone loses a name and nothing else.
#pragma once

#include <memory>
#include <string>

#include "api/mcp/methods.hpp"
#include "api/mcp/sessions.hpp"
#include "base/async.hpp"
#include "base/id.hpp"

namespace quarterdeck::api::mcp {

// OpenCode has /mcp too (its own MCP servers): a message of the protocol, not a call of that.
bool is_protocol(const net::Request& request);

struct ServerOptions {
  std::string version;  // ours
  Ask ask;  // the HTTP surface, within the process
};

class Server {
 public:
  // All of them outlive it.
  Server(Loop& loop, Clock& clock, Random& random, ServerOptions options);

  Task<net::Response> handle(net::Request request);
  // When nothing is admitted any more: waits for the calls that run.
  Task<void> shutdown();

 private:
  Task<net::Response> stateful(net::Request request, Message message, std::string session_id);
  Task<net::Response> stateless(net::Request request, Message message);
  net::Response initialize(const Message& message);
  net::Response close(const net::Request& request);
  Task<void> run(net::Request request, Message message, std::string session_id, OneShot<std::string>::Setter done);

  Loop& loop_;
  Random& random_;
  ServerOptions options_;
  Sessions sessions_;
  TaskGroup calls_;
};

}  // namespace quarterdeck::api::mcp
