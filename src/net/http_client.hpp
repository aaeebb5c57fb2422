// Outbound HTTP over libcurl, driven by the loop: HTTP/2 where offered, proxies from the environment, system CA store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/task.hpp"
#include "net/address.hpp"
#include "net/event_loop.hpp"
#include "net/http.hpp"

namespace quarterdeck::net {

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  std::int64_t connect_timeout_ms = 10'000;
  std::int64_t first_byte_timeout_ms = 60'000;  // from sending until the first byte of the answer's head
  std::int64_t idle_timeout_ms = 60'000;        // between two pieces of the body
  std::int64_t total_timeout_ms = 0;            // 0 = none
  // Asked with every address before a connection to it, after names were resolved; no means `denied`. Empty: all.
  std::function<bool(const Address&)> may_connect;
  bool proxy = true;  // as the environment says (HTTPS_PROXY, NO_PROXY…); behind one, may_connect sees only its address
};

// Receives an answer as it arrives, on the loop.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  virtual void on_head(int status, const Headers& headers) = 0;
  // Return false to stop the transfer: fetch() then ends with `cancelled`.
  virtual bool on_body(std::string_view bytes) = 0;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Ends when the answer is complete. Errors: `cancelled` (stop requested), `denied` (may_connect), `unavailable` (could not connect, reset, a
  // deadline passed: the message says which), `invalid` (malformed URL). An HTTP error status is not an error here.
  // `sink` must outlive the task.
  virtual Task<Result<void>> fetch(ClientRequest request, ResponseSink& sink, std::stop_token stop) = 0;
};

std::unique_ptr<HttpClient> make_http_client(EventLoop& loop);

// For small answers: collects the body, up to `body_bytes_max` (`too_large` beyond).
struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};
Task<Result<ClientResponse>> fetch_all(HttpClient& client, ClientRequest request, std::size_t body_bytes_max,
                                       std::stop_token stop = {});

}  // namespace quarterdeck::net
