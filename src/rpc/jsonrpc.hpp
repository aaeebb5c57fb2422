// JSON-RPC 2.0 messages as the Model Context Protocol and the Language Server Protocol send them: one object each, no batches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/json_text.hpp"

namespace quarterdeck::rpc {

inline constexpr std::size_t kMessageBytesMax = 16 * 1024 * 1024;

struct RpcError {
  std::int64_t code = 0;  // -32601: method not found; -32602: invalid params; -32603: internal
  std::string message;
  bool operator==(const RpcError&) const = default;
};

// A request has id and method, a notification a method only, an answer id and result or error.
struct RpcMessage {
  std::optional<domain::JsonText> id;  // a number or string, as the peer wrote it
  std::string method;
  std::optional<domain::JsonText> params;
  std::optional<domain::JsonText> result;
  std::optional<RpcError> error;

  bool is_request() const { return id && !method.empty(); }
  bool is_notification() const { return !id && !method.empty(); }
};

// Errors: `invalid`: not JSON, or no JSON-RPC message.
Result<RpcMessage> parse_rpc(std::string_view text);

// One line each, without the line feed. Absent `params` are left out.
std::string rpc_request(std::int64_t id, std::string_view method, const std::optional<domain::JsonText>& params);
std::string rpc_notification(std::string_view method, const std::optional<domain::JsonText>& params);
std::string rpc_result(const domain::JsonText& id, const domain::JsonText& result);
std::string rpc_error(const domain::JsonText& id, const RpcError& error);

}  // namespace quarterdeck::rpc
