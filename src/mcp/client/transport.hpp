// How messages reach one MCP server: its standard streams, or Streamable HTTP. On the loop.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/task.hpp"

namespace quarterdeck::mcp {

class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual void on_message(std::string_view json) = 0;
  // The server has gone and will say nothing more. Called once, not after Transport::close().
  virtual void on_closed(Error why) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Starts what there is to start. `receiver` outlives the transport's life up to close().
  virtual Task<Result<void>> open(Receiver& receiver) = 0;
  // Sends one message. Ends when the server has it; over HTTP, when the answer to it has come whole (to the receiver).
  // Errors: `unavailable`; `denied` when the server wants a sign-in first.
  virtual Task<Result<void>> send(std::string message, std::stop_token stop) = 0;
  // After the handshake: what was agreed on.
  virtual void agreed(const std::string& protocol_version) = 0;
  // Ends the server (its process tree) or the session there. Resolves when nothing of the transport runs any more.
  virtual Task<void> close() = 0;
};

}  // namespace quarterdeck::mcp
