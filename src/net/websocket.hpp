// How a handler takes up a WebSocket: see conversation.hpp.
#pragma once

#include <memory>

#include "net/conversation.hpp"
#include "net/http.hpp"

namespace quarterdeck::net {

// A well-formed request to upgrade to version 13 of the protocol.
bool asks_for_websocket(const Request& request);

Response websocket_response(std::unique_ptr<Conversation> conversation);

}  // namespace quarterdeck::net
