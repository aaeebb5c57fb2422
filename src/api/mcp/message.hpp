// JSON-RPC as MCP sends it over HTTP: one message a request, and its answer. Beside rpc/jsonrpc.hpp, because a server
// answers with error data, with an HTTP status, and in the id's own words.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "net/http.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::mcp {

// JSON-RPC's codes and MCP's own.
enum class Code : std::int64_t {
  parse_error = -32700,
  invalid_request = -32600,
  unknown_method = -32601,
  invalid_params = -32602,
  internal = -32603,
  cancelled = -32000,
  not_found = -32002,
  header_mismatch = -32020,
  unsupported_version = -32022,
};

struct Failure {
  Code code = Code::internal;
  std::string message;
  int status = 200;
  wire::Json data = {};  // null: none
};

struct Message {
  std::string id;  // JSON text; empty: a notification
  std::string method;  // empty: an answer, to a question that we never ask
  wire::JsonObject params;

  std::string text(std::string_view name) const;
};

std::expected<Message, Failure> read_message(std::string_view body);

// `id` may be empty: it could not be read.
std::string result_text(std::string_view id, const wire::JsonObject& result);
std::string failure_text(std::string_view id, const Failure& failure);
net::Response failed(std::string_view id, const Failure& failure);

}  // namespace quarterdeck::api::mcp
