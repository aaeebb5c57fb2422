// One WebSocket after its upgrade: Beast's stream between the socket and the Conversation.
//
//   accept ──▶ read ─▶ receive ─┐        take ─▶ write ─▶ take … ─▶ close ──▶ end
//                 ▲─────────────┘          ▲── wake ──┘ (empty)
//
// Law: kept alive by what is under way on the socket; `on_end` is called once, when the socket is closed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "net/websocket.hpp"

namespace quarterdeck::net {

class WebSocketSession final : public std::enable_shared_from_this<WebSocketSession> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  WebSocketSession(Socket socket, std::unique_ptr<Conversation> conversation, std::function<void()> on_end);
  // `key`: the request's Sec-WebSocket-Key.
  void start(const std::string& key);
  void close(SocketClose why);
  void abort();
  bool ended() const { return ended_; }

 private:
  void read();
  void write();
  void end();

  boost::beast::websocket::stream<Socket> stream_;
  std::unique_ptr<Conversation> conversation_;
  std::function<void()> on_end_;
  boost::beast::http::request<boost::beast::http::empty_body> handshake_;
  boost::beast::flat_buffer received_;
  SocketMessage sending_;
  bool writing_ = false;
  bool closing_ = false;
  bool ended_ = false;
};

}  // namespace quarterdeck::net
