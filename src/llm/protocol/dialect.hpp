// What is particular to one wire protocol, for the provider that all of them share: how a request looks on the wire and
// how an answer is read.
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "llm/protocol/decoder.hpp"
#include "llm/provider.hpp"
#include "net/event_loop.hpp"
#include "net/http_client.hpp"

namespace quarterdeck::llm::protocol {

// Cuts the bytes of a streamed answer into events.
class Framing {
 public:
  virtual ~Framing() = default;
  virtual void feed(std::string_view bytes) = 0;
  virtual std::optional<net::SseEvent> next() = 0;
  // An error of the framing itself, for people; empty when all is well.
  virtual std::string problem() const = 0;
};
std::unique_ptr<Framing> sse_framing();

struct WireRequest {
  std::string url;  // whole
  net::Headers headers;  // the protocol's own: key, version…; the configuration's win over them
  std::string body;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  // Errors: `invalid`, what is missing in the provider's configuration.
  virtual Result<WireRequest> encode(const ModelRequest& request) const = 0;
  // After the configuration's headers are in: for what depends on all of them (signatures).
  virtual void seal(const ModelRequest&, net::ClientRequest&, TimeMs) const {}
  virtual std::unique_ptr<Decoder> decoder(const ModelRequest& request, ModelSink& sink, Random& random) const = 0;
  virtual std::unique_ptr<Framing> framing() const { return sse_framing(); }
};

// All arguments outlive the provider and its streams.
std::unique_ptr<Provider> make_provider(std::unique_ptr<Dialect> dialect, Loop& loop, net::HttpClient& client,
                                        Clock& clock, Random& random);

// The provider's base URL without trailing slashes, or `otherwise`. Error: `invalid` when both are empty.
Result<std::string> base_url_of(const ModelRequest& request, std::string_view otherwise = "");

}  // namespace quarterdeck::llm::protocol
