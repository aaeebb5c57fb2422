#include "api/mcp/message.hpp"

#include "api/call.hpp"

namespace quarterdeck::api::mcp {
namespace {

Failure invalid(std::string message) {
  return {.code = Code::invalid_request, .message = std::move(message), .status = 400};
}

std::string head(std::string_view id) {
  std::string out = R"({"jsonrpc":"2.0")";
  if (!id.empty()) out += fmt::format(R"(,"id":{})", id);
  return out;
}

}  // namespace

std::string Message::text(std::string_view name) const {
  const wire::Json* value = params.if_contains(name);
  return value && value->is_string() ? std::string(std::string_view(value->get_string())) : std::string();
}

std::expected<Message, Failure> read_message(std::string_view body) {
  auto json = wire::parse(body, {.depth_max = 64});
  if (!json) {
    return std::unexpected(
        Failure{.code = Code::parse_error, .message = "Parse error: " + json.error().message, .status = 400});
  }
  if (json->is_array()) return std::unexpected(invalid("One message a request: there are no batches"));
  if (!json->is_object() || wire::string_at(*json, "jsonrpc") != "2.0") {
    return std::unexpected(invalid("Expected a JSON-RPC 2.0 message"));
  }
  Message message;
  if (const wire::Json* id = wire::value_at(*json, "id")) {
    if (!id->is_string() && !id->is_int64() && !id->is_uint64() && !id->is_double()) {
      return std::unexpected(invalid("Expected an id that is a string or a number"));
    }
    message.id = wire::to_text(*id);
  }
  const wire::Json* method = wire::value_at(*json, "method");
  const bool answers = wire::value_at(*json, "result") || wire::value_at(*json, "error");
  if (!method && !answers) return std::unexpected(invalid("Expected a method, a result or an error"));
  if (method) {
    if (!method->is_string() || method->get_string().empty()) {
      return std::unexpected(invalid("Expected a method with a name"));
    }
    message.method = std::string_view(method->get_string());
  }
  if (wire::Json* params = json->get_object().if_contains("params")) {
    if (!params->is_object()) {
      return std::unexpected(
          Failure{.code = Code::invalid_params, .message = "Expected params to be an object", .status = 400});
    }
    message.params = std::move(params->get_object());
  }
  return message;
}

std::string result_text(std::string_view id, const wire::JsonObject& result) {
  return fmt::format(R"({},"result":{}}})", head(id), wire::to_text(result));
}

std::string failure_text(std::string_view id, const Failure& failure) {
  const std::string data = failure.data.is_null() ? "" : ",\"data\":" + wire::to_text(failure.data);
  return fmt::format(R"({},"error":{{"code":{},"message":{}{}}}}})", head(id), static_cast<std::int64_t>(failure.code),
                     wire::quoted(failure.message), data);
}

net::Response failed(std::string_view id, const Failure& failure) {
  return json(failure_text(id, failure), failure.status);
}

}  // namespace quarterdeck::api::mcp
