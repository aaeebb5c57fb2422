// What MCP's methods answer, whatever the revision: tools, the sessions as resources, one prompt. Each is an operation of
// the HTTP surface, asked within the process as the caller, so that what may be done is decided in one place.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "api/mcp/message.hpp"
#include "base/task.hpp"

namespace quarterdeck::api::mcp {

using Answer = std::expected<wire::JsonObject, Failure>;
using Ask = std::function<Task<net::Response>(net::Request)>;

// The identity, capabilities and instructions that both handshakes tell.
wire::JsonObject server_info(std::string_view version);
wire::JsonObject capabilities();
std::string_view instructions();

bool is_method(std::string_view method);
// `caller`: the request that brought the message; its headers say who asks.
Task<Answer> answer(const Ask& ask, const net::Request& caller, const Message& message);

}  // namespace quarterdeck::api::mcp
