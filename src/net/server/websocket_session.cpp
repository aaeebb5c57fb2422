#include "net/server/websocket_session.hpp"

#include <chrono>

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/websocket.hpp>

#include "net/asio/loop_span.hpp"

namespace quarterdeck::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

constexpr std::chrono::seconds kHandshakeTime{10};
// Half of it without a sign of life, and the client is asked for one.
constexpr std::chrono::seconds kIdleTime{60};
constexpr std::size_t kIdleBytesMax = 16 * 1024;

}  // namespace

WebSocketSession::WebSocketSession(Socket socket, std::unique_ptr<Conversation> conversation,
                                   std::function<void()> on_end)
    : stream_(std::move(socket)), conversation_(std::move(conversation)), on_end_(std::move(on_end)) {
  stream_.set_option(websocket::stream_base::timeout{
      .handshake_timeout = kHandshakeTime, .idle_timeout = kIdleTime, .keep_alive_pings = true});
  stream_.read_message_max(Conversation::kMessageBytesMax);
}

void WebSocketSession::start(const std::string& key) {
  using beast::http::field;
  handshake_.method(beast::http::verb::get);
  handshake_.target("/");
  handshake_.version(11);
  handshake_.set(field::host, "-");
  handshake_.set(field::upgrade, "websocket");
  handshake_.set(field::connection, "upgrade");
  handshake_.set(field::sec_websocket_key, key);
  handshake_.set(field::sec_websocket_version, "13");
  stream_.async_accept(handshake_, [self = shared_from_this()](error_code error) {
    const LoopSpan span("websocket accept");
    if (error || self->ended_) return self->end();
    self->read();
    self->write();
  });
}

void WebSocketSession::read() {
  stream_.async_read(received_, [self = shared_from_this()](error_code error, std::size_t) {
    const LoopSpan span("websocket read");
    if (error || self->ended_) return self->end();
    SocketMessage message{.kind = self->stream_.got_text() ? SocketMessage::Kind::text : SocketMessage::Kind::binary,
                          .bytes = beast::buffers_to_string(self->received_.data())};
    self->received_.consume(self->received_.size());
    if (self->received_.capacity() > kIdleBytesMax) self->received_ = {};
    if (!self->conversation_->receive(std::move(message))) self->close({.code = 1013, .reason = "too much input"});
    self->read();
  });
}

void WebSocketSession::write() {
  if (writing_ || closing_ || ended_) return;
  Conversation::Next next = conversation_->take();
  if (!next.message) {
    if (next.close) return close(std::move(*next.close));
    conversation_->when_ready([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->write();
    });
    return;
  }
  writing_ = true;
  sending_ = std::move(*next.message);
  stream_.binary(sending_.kind == SocketMessage::Kind::binary);
  stream_.async_write(asio::buffer(sending_.bytes), [self = shared_from_this()](error_code error, std::size_t) {
    const LoopSpan span("websocket write");
    self->writing_ = false;
    if (error) return self->end();
    self->write();
  });
}

void WebSocketSession::close(SocketClose why) {
  if (closing_ || ended_) return;
  closing_ = true;
  // The read ends when the client has answered, or after the time for a handshake.
  stream_.async_close(websocket::close_reason(static_cast<websocket::close_code>(why.code), why.reason),
                      [self = shared_from_this()](error_code) { self->end(); });
}

void WebSocketSession::abort() {
  error_code ignored;
  beast::get_lowest_layer(stream_).close(ignored);
}

void WebSocketSession::end() {
  if (std::exchange(ended_, true)) return;
  abort();
  conversation_.reset();
  std::exchange(on_end_, nullptr)();
}

}  // namespace quarterdeck::net
