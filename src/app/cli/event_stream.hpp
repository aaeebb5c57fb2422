// A server's events, followed over lost connections: it connects again with Last-Event-ID and says so, so that the
// listener can ask for what a server without replay has not repeated.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "app/cli/client.hpp"
#include "base/loop.hpp"
#include "net/sse.hpp"

namespace quarterdeck::app {

enum class Connection { first, again };

class EventListener {
 public:
  virtual ~EventListener() = default;
  virtual void on_connected(Connection connection) = 0;
  virtual void on_event(std::string_view json) = 0;
  // Once per lost connection.
  virtual void on_lost(const Error& why) = 0;
};

class EventStream final : public net::ResponseSink {
 public:
  // How long a server may be away before it counts as gone.
  static constexpr std::int64_t kGoneMs = 20'000;

  // All outlive the stream.
  EventStream(Loop& loop, net::HttpClient& http, Client& client, EventListener& listener)
      : loop_(loop), http_(http), client_(client), listener_(listener) {}

  // Until `stop` (then an empty value). Errors: the first connection failed; the server refuses; it stayed away for
  // kGoneMs (`unavailable`).
  Task<Result<void>> follow(std::stop_token stop);

  void on_head(int status, const net::Headers& headers) override;
  bool on_body(std::string_view bytes) override;

 private:
  Loop& loop_;
  net::HttpClient& http_;
  Client& client_;
  EventListener& listener_;
  net::SseDecoder decoder_;
  std::string last_id_;
  bool connected_ = false;  // this attempt
  bool ever_connected_ = false;
  int status_ = 0;
  bool is_stream_ = false;
  std::string refusal_;
};

}  // namespace quarterdeck::app
