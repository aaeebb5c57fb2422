#include "rpc/jsonrpc.hpp"

#include <fmt/format.h>

#include "wire/json.hpp"

namespace quarterdeck::rpc {
namespace {

std::string head() { return R"({"jsonrpc":"2.0")"; }

void append_call(std::string& out, std::string_view method, const std::optional<domain::JsonText>& params) {
  out += R"(,"method":)";
  wire::append_quoted(out, method);
  if (params) out += R"(,"params":)" + params->text;
  out += '}';
}

std::optional<domain::JsonText> member(const wire::Json& json, std::string_view name) {
  const wire::Json* value = wire::value_at(json, name);
  if (!value) return std::nullopt;
  return wire::to_json_text(*value);
}

}  // namespace

Result<RpcMessage> parse_rpc(std::string_view text) {
  TRY(const wire::Json json, wire::parse(text));
  if (!json.is_object()) return fail(ErrorCode::invalid, "not a JSON-RPC message: expected an object");
  RpcMessage message{.id = member(json, "id"),
                     .method = wire::string_at(json, "method"),
                     .params = member(json, "params"),
                     .result = member(json, "result")};
  if (message.id && message.id->text == "null") message.id.reset();
  if (const wire::Json* error = wire::value_at(json, "error"); error && !error->is_null()) {
    message.error = RpcError{wire::int_at(*error, "code"), wire::string_at(*error, "message", "unknown error")};
  }
  if (message.method.empty() && !message.result && !message.error) {
    return fail(ErrorCode::invalid, "not a JSON-RPC message: no method, result or error");
  }
  return message;
}

std::string rpc_request(std::int64_t id, std::string_view method, const std::optional<domain::JsonText>& params) {
  std::string out = head() + fmt::format(R"(,"id":{})", id);
  append_call(out, method, params);
  return out;
}

std::string rpc_notification(std::string_view method, const std::optional<domain::JsonText>& params) {
  std::string out = head();
  append_call(out, method, params);
  return out;
}

std::string rpc_result(const domain::JsonText& id, const domain::JsonText& result) {
  return fmt::format(R"({},"id":{},"result":{}}})", head(), id.text, result.text);
}

std::string rpc_error(const domain::JsonText& id, const RpcError& error) {
  return fmt::format(R"({},"id":{},"error":{{"code":{},"message":{}}}}})", head(), id.text, error.code,
                     wire::quoted(error.message));
}

}  // namespace quarterdeck::rpc
