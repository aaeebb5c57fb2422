#include "app/cli/client.hpp"

#include <cstdlib>
#include <utility>

#include "base/encoding.hpp"
#include "wire/codec.hpp"
#include "wire/message.hpp"
#include "wire/permission.hpp"
#include "wire/session.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::size_t kAnswerBytesMax = 256 * 1024 * 1024;  // a long session's messages
constexpr std::int64_t kConnectTimeoutMs = 5'000;
constexpr std::int64_t kAnswerTimeoutMs = 30'000;
constexpr std::int64_t kEventIdleTimeoutMs = 35'000;  // a heartbeat comes every 10 s

ErrorCode code_of_status(int status) {
  switch (status) {
    case 401:
    case 403: return ErrorCode::denied;
    case 404: return ErrorCode::not_found;
    case 409: return ErrorCode::conflict;
    case 413: return ErrorCode::too_large;
    case 507: return ErrorCode::no_space;
    default: return status < 500 ? ErrorCode::invalid : ErrorCode::internal;
  }
}

void add_member(std::string& object, std::string_view name, std::string_view json) {
  if (object.size() > 1) object += ',';
  wire::append_quoted(object, name);
  object += ':';
  object += json;
}

std::string model_json(const domain::ModelRef& model, std::string_view id_name) {
  std::string out = "{";
  add_member(out, "providerID", wire::quoted(model.provider_id));
  add_member(out, id_name, wire::quoted(model.model_id));
  return out + "}";
}

}  // namespace

std::string authorization_from_environment() {
  const char* token = std::getenv("QUARTERDECK_TOKEN");
  if (token != nullptr && *token != '\0') return std::string("Bearer ") + token;
  const char* password = std::getenv("OPENCODE_SERVER_PASSWORD");
  if (password == nullptr || *password == '\0') return {};
  const char* user = std::getenv("OPENCODE_SERVER_USERNAME");
  const std::string name = user != nullptr && *user != '\0' ? user : "opencode";
  return "Basic " + base64(name + ":" + password);
}

Error error_of_answer(int status, std::string_view body) {
  std::string said;
  if (const auto json = wire::parse(body)) {
    if (const wire::Json* data = wire::value_at(*json, "data")) said = wire::string_at(*data, "message");
    for (const std::string_view key : {"message", "name", "_tag"}) {
      if (said.empty()) said = wire::string_at(*json, key);
    }
  }
  if (status == 401)
    said = "the server wants a credential: set QUARTERDECK_TOKEN, or OPENCODE_SERVER_PASSWORD to the server's";
  if (said.empty()) said = fmt::format("the server answered with status {}", status);
  return {code_of_status(status), std::move(said), {}};
}

net::ClientRequest Client::request(Call call) const {
  net::ClientRequest request;
  request.method = std::move(call.method);
  request.url = target_.url + call.path;
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    request.url += std::exchange(separator, '&');
    request.url += name + "=" + percent_encode(value);
  }
  request.headers.push_back({"Accept", "application/json"});
  request.headers.push_back({"User-Agent", "quarterdeck/" QD_VERSION});
  if (!call.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
  for (auto& header : call.headers) request.headers.push_back(std::move(header));
  if (!authorization_.empty()) request.headers.push_back({"Authorization", authorization_});
  request.body = std::move(call.body);
  request.connect_timeout_ms = kConnectTimeoutMs;
  request.first_byte_timeout_ms = kAnswerTimeoutMs;
  request.idle_timeout_ms = kAnswerTimeoutMs;
  return request;
}

net::ClientRequest Client::event_request(std::string_view last_event_id) const {
  Call call{.path = "/event", .query = {{"directory", target_.directory}}};
  if (events_of_all_) call = {.path = "/global/event"};
  net::ClientRequest made = request(std::move(call));
  made.headers.front().value = "text/event-stream";
  if (!last_event_id.empty()) made.headers.push_back({"Last-Event-ID", std::string(last_event_id)});
  made.idle_timeout_ms = kEventIdleTimeoutMs;
  return made;
}

Task<Result<std::string>> Client::text(Call call) {
  net::ClientRequest made = request(std::move(call));
  CO_TRY(auto answer, co_await net::fetch_all(http_, std::move(made), kAnswerBytesMax, stop_));
  if (answer.status >= 300) co_return std::unexpected(error_of_answer(answer.status, answer.body));
  co_return std::move(answer.body);
}

Task<Result<wire::Json>> Client::json(Call call) {
  const std::string path = call.path;
  CO_TRY(const std::string body, co_await text(std::move(call)));
  auto parsed = wire::parse(body);
  if (!parsed) {
    co_return fail(ErrorCode::internal, "{}{} does not answer with JSON; is this a Quarterdeck or OpenCode server?",
                   target_.url, path);
  }
  co_return std::move(*parsed);
}

Task<Result<void>> Client::done(Call call) {
  CO_TRY(const std::string ignored, co_await text(std::move(call)));
  co_return Result<void>{};
}

Task<Result<wire::Json>> Client::call(Call call) {
  CO_TRY(const std::string body, co_await text(std::move(call)));
  if (body.empty()) co_return wire::Json(nullptr);
  co_return wire::parse(body);
}

Task<Result<domain::Session>> Client::create_session(domain::CreateSession wanted) {
  std::string body = "{";
  if (wanted.title) add_member(body, "title", wire::quoted(*wanted.title));
  if (wanted.agent) add_member(body, "agent", wire::quoted(*wanted.agent));
  if (wanted.model) add_member(body, "model", model_json(*wanted.model, "id"));
  if (wanted.permission) add_member(body, "permission", wire::encode_ruleset(*wanted.permission));
  body += '}';
  Call call{.method = "POST", .path = "/session", .query = {{"directory", target_.directory}}, .body = std::move(body)};
  CO_TRY(const std::string answer, co_await text(std::move(call)));
  co_return wire::decode_session(answer);
}

Task<Result<domain::Session>> Client::session(SessionId id) {
  Call call{.path = "/session/" + percent_encode(id.value), .query = {{"directory", target_.directory}}};
  CO_TRY(const std::string answer, co_await text(std::move(call)));
  co_return wire::decode_session(answer);
}

Task<Result<wire::Json>> Client::sessions(int limit) {
  return json({.path = "/session", .query = {{"directory", target_.directory}, {"limit", std::to_string(limit)}}});
}

Task<Result<wire::Json>> Client::statuses() {
  return json({.path = "/session/status", .query = {{"directory", target_.directory}}});
}

Task<Result<wire::Json>> Client::messages(SessionId id) {
  return json(
      {.path = "/session/" + percent_encode(id.value) + "/message", .query = {{"directory", target_.directory}}});
}

Task<Result<void>> Client::prompt(SessionId id, domain::Prompt prompt) {
  std::string body = "{";
  if (prompt.message_id) add_member(body, "messageID", wire::quoted(prompt.message_id->value));
  if (prompt.agent) add_member(body, "agent", wire::quoted(*prompt.agent));
  if (prompt.model) add_member(body, "model", model_json(*prompt.model, "modelID"));
  std::string parts = "[";
  for (const auto& part : prompt.parts) {
    std::string one = "{";
    if (const auto* text = std::get_if<domain::TextPart>(&part.content)) {
      add_member(one, "type", "\"text\"");
      add_member(one, "text", wire::quoted(text->text));
    } else if (const auto* file = std::get_if<domain::FilePart>(&part.content)) {
      add_member(one, "type", "\"file\"");
      add_member(one, "mime", wire::quoted(file->mime));
      if (file->filename) add_member(one, "filename", wire::quoted(*file->filename));
      add_member(one, "url", wire::quoted(file->url));
    } else {
      continue;
    }
    if (parts.size() > 1) parts += ',';
    parts += one + "}";
  }
  add_member(body, "parts", parts + "]");
  body += '}';
  return done({.method = "POST",
               .path = "/session/" + percent_encode(id.value) + "/prompt_async",
               .query = {{"directory", target_.directory}},
               .body = std::move(body)});
}

Task<Result<void>> Client::abort(SessionId id) {
  return done({.method = "POST",
               .path = "/session/" + percent_encode(id.value) + "/abort",
               .query = {{"directory", target_.directory}}});
}

Task<Result<void>> Client::remove(SessionId id) {
  return done({.method = "DELETE",
               .path = "/session/" + percent_encode(id.value),
               .query = {{"directory", target_.directory}}});
}

Task<Result<std::vector<domain::PermissionRequest>>> Client::permissions() {
  Call call{.path = "/permission", .query = {{"directory", target_.directory}}};
  CO_TRY(const wire::Json list, co_await json(std::move(call)));
  std::vector<domain::PermissionRequest> requests;
  if (const auto* array = list.if_array()) {
    for (const auto& one : *array) {
      if (auto request = wire::decode_permission_request(wire::to_text(one))) requests.push_back(std::move(*request));
    }
  }
  co_return requests;
}

Task<Result<void>> Client::reply(domain::ReplyPermission reply) {
  const std::string_view answer = reply.reply == domain::Reply::once     ? "once"
                                  : reply.reply == domain::Reply::always ? "always"
                                                                         : "reject";
  std::string body = "{";
  add_member(body, "reply", wire::quoted(answer));
  if (reply.message) add_member(body, "message", wire::quoted(*reply.message));
  body += '}';
  return done({.method = "POST",
               .path = "/permission/" + percent_encode(reply.request_id.value) + "/reply",
               .query = {{"directory", target_.directory}},
               .body = std::move(body)});
}

Task<Result<void>> Client::reject_question(std::string id) {
  return done({.method = "POST",
               .path = "/question/" + percent_encode(id) + "/reject",
               .query = {{"directory", target_.directory}}});
}

Task<Result<wire::Json>> Client::health() { return json({.path = "/global/health"}); }

std::vector<domain::MessageWithParts> read_messages(const wire::Json& list) {
  std::vector<domain::MessageWithParts> messages;
  if (const auto* array = list.if_array()) {
    for (const auto& one : *array) {
      if (auto message = wire::decode_message_with_parts(wire::to_text(one))) messages.push_back(std::move(*message));
    }
  }
  return messages;
}

}  // namespace quarterdeck::app
