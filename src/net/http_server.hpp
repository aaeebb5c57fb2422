// HTTP/1.1 server: keep-alive, pipelined or not, chunked and fixed bodies, gzip, streams, limits, orderly shutdown.
// What is malformed or over a limit is answered with a JSON error before the handler sees it (or the connection is
// closed, where no answer is possible), and counted (metrics::limit_hit). RFC 9110, RFC 9112.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "net/event_loop.hpp"
#include "net/http.hpp"

namespace quarterdeck::net {

struct ServerLimits {
  std::size_t header_bytes_max = 32 * 1024;       // 431 beyond
  std::size_t body_bytes_max = 10 * 1024 * 1024;  // 413 beyond, without reading the rest
  std::int64_t header_timeout_ms = 10'000;        // from the first byte of a request; closed
  std::int64_t body_timeout_ms = 10'000;          // between two reads of a body; 408
  std::int64_t body_bytes_per_second_min = 8'192;  // after the first body_timeout_ms, on average; 408
  std::int64_t idle_timeout_ms = 120'000;         // keep-alive between requests
  std::int64_t write_timeout_ms = 30'000;         // a client that takes nothing for so long is gone
  // One more closes the one that has been idle for longest; 503 when none is.
  std::size_t connections_max = 10'000;
  std::int64_t stream_stall_ms = 20'000;  // a stream's client that takes nothing for so long is told and closed
  int stream_send_bytes = 128 * 1024;     // in the kernel, for each stream
};

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address or "localhost"
  std::uint16_t port = 0;          // 0 = any free one
  ServerLimits limits;
  // A unix socket in place of host and port; mode 0600, its directory must exist. Requests have the peer "unix:<uid>".
  std::string unix_path = {};
  // A socket that listens already (socket activation), instead of host and port. Taken over.
  int inherited_socket = -1;
  std::size_t gzip_bytes_min = 1024;  // fixed bodies from this size, when the client accepts gzip
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;
  virtual std::uint16_t port() const = 0;
  // What comes now waits in the kernel, for a socket that was inherited, or is refused.
  virtual void stop_accepting() = 0;
  // Stops accepting, lets running requests finish for `grace_ms`, ends streams, closes the rest.
  virtual Task<void> shutdown(std::int64_t grace_ms) = 0;
  virtual std::size_t connections() const = 0;
};

// The address that an open socket is bound to ("127.0.0.1"); "" when it is no TCP socket.
std::string bound_address(int socket);

// Errors: `unavailable` when the address is in use (the message says by what to go on), `invalid` for a bad host.
Result<std::unique_ptr<HttpServer>> listen(EventLoop& loop, ServerOptions options, Handler handler);

}  // namespace quarterdeck::net
