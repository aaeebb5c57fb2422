// A WebSocket as handlers see it: a handler answers an upgrade request with a Conversation (Response::body, status 101).
// Frames, masks, pings, UTF-8 and the closing handshake are the connection's business. RFC 6455.
// Laws: all members run on the loop; the connection pulls, so a slow client holds one message, and how much more waits
//       for it is the conversation's decision; the conversation dies with its connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/loop.hpp"

namespace quarterdeck::net {

struct SocketMessage {
  enum class Kind { text, binary };
  Kind kind = Kind::text;
  std::string bytes;  // of a text: UTF-8
  bool operator==(const SocketMessage&) const = default;
};

struct SocketClose {
  std::uint16_t code = 1000;
  std::string reason = {};
};

class Conversation {
 public:
  static constexpr std::size_t kMessageBytesMax = 1024 * 1024;  // received; longer ones close with 1009

  virtual ~Conversation() = default;
  struct Next {
    std::optional<SocketMessage> message;
    std::optional<SocketClose> close;  // without a message: say good-bye
  };
  // What is to be sent next; empty means wait.
  virtual Next take() = 0;
  // Calls `wake` once, from the loop, when `take` has something again. Replaces an earlier `wake`.
  virtual void when_ready(Loop::Callback wake) = 0;
  // False: it is more than we take; closes with 1013 ("try again later").
  virtual bool receive(SocketMessage message) = 0;
};

}  // namespace quarterdeck::net
