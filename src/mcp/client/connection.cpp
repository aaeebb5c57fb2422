#include "mcp/client/connection.hpp"

#include <algorithm>
#include <charconv>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "wire/json.hpp"

namespace quarterdeck::mcp {
namespace {

constexpr std::size_t kListMax = 1'000;
constexpr int kPagesMax = 50;
constexpr std::size_t kDescriptionBytesMax = 8'000;
constexpr std::int64_t kMethodNotFound = -32601;

domain::JsonText text_of(wire::JsonObject object) { return wire::to_json_text(wire::Json(std::move(object))); }

std::string bounded(std::string text) {
  if (text.size() > kDescriptionBytesMax) text = wire::valid_utf8(text.substr(0, kDescriptionBytesMax)) + "…";
  return text;
}

std::optional<std::string> string_member(const wire::Json& json, std::string_view name) {
  std::string text = wire::string_at(json, name);
  if (text.empty()) return std::nullopt;
  return text;
}

// A call of a tool asks to be told of progress; its token is the request's id.
std::optional<domain::JsonText> with_progress_token(std::optional<domain::JsonText> params, std::int64_t id) {
  auto json = params ? wire::parse(params->text) : Result<wire::Json>(wire::JsonObject());
  if (!json || !json->is_object()) return params;
  json->get_object()["_meta"] = wire::JsonObject{{"progressToken", id}};
  return wire::to_json_text(*json);
}

}  // namespace

Connection::Connection(Loop& loop, std::unique_ptr<Transport> transport, std::string roots, ConnectionEvents events)
    : loop_(loop),
      transport_(std::move(transport)),
      roots_(std::move(roots)),
      events_(std::move(events)),
      tasks_(loop) {}

Connection::~Connection() = default;

Task<Result<void>> Connection::open(std::int64_t timeout_ms, std::stop_token stop) {
  CO_TRY_VOID(co_await transport_->open(*this));
  wire::JsonObject params;
  params["protocolVersion"] = kProtocolVersions.front();
  params["capabilities"] = wire::JsonObject{{"roots", wire::JsonObject{{"listChanged", false}}}};
  params["clientInfo"] = wire::JsonObject{{"name", "quarterdeck"}, {"version", QD_VERSION}};
  auto answered = co_await call("initialize", text_of(std::move(params)), timeout_ms, stop);
  if (!answered) co_return std::unexpected(std::move(answered).error());
  const auto result = wire::parse(answered->text);
  const std::string version = result ? wire::string_at(*result, "protocolVersion") : "";
  if (std::ranges::find(kProtocolVersions, version) == kProtocolVersions.end()) {
    co_return fail(ErrorCode::invalid, "the MCP server speaks protocol revision \"{}\"; known are {}", version,
                   fmt::join(kProtocolVersions, ", "));
  }
  if (const wire::Json* capabilities = wire::value_at(*result, "capabilities")) {
    capabilities_ = wire::to_text(*capabilities);
  }
  instructions_ = bounded(wire::string_at(*result, "instructions"));
  transport_->agreed(version);
  co_return co_await transport_->send(rpc::rpc_notification("notifications/initialized", std::nullopt), stop);
}

Task<Result<domain::JsonText>> Connection::call(std::string method, std::optional<domain::JsonText> params,
                                                std::int64_t timeout_ms, std::stop_token stop) {
  if (closed_) co_return std::unexpected(*closed_);
  if (stop.stop_requested()) co_return fail(ErrorCode::cancelled, "cancelled");
  const std::int64_t id = next_id_++;
  OneShot<Answer> answer(loop_);
  waiting_.emplace(id, Waiting{.setter = answer.setter(),
                               .method = method,
                               .timeout_ms = timeout_ms,
                               .timer = loop_.after_ms(timeout_ms, [this, id] { time_over(id); }),
                               .last_timer = loop_.after_ms(kCallMsMax, [this, id] { time_over(id); })});
  tasks_.spawn(send_call(
      id, rpc::rpc_request(id, method, method == "tools/call" ? with_progress_token(std::move(params), id) : params)));
  bool given_up = false;
  const std::stop_callback on_stop(stop, [this, id] { settle(id, fail(ErrorCode::cancelled, "cancelled")); });
  auto result = co_await answer;
  if (!result) given_up = result.error().code == ErrorCode::cancelled || result.error().code == ErrorCode::too_large;
  if (given_up && !closed_ && method != "initialize") {
    wire::JsonObject cancelled{{"requestId", id}, {"reason", result.error().message}};
    tasks_.spawn(send_quietly(rpc::rpc_notification("notifications/cancelled", text_of(std::move(cancelled)))));
  }
  if (!result && result.error().code == ErrorCode::too_large) {
    co_return fail(ErrorCode::unavailable, "{}", result.error().message);
  }
  co_return result;
}

// `too_large` marks, inside this file, that the time was over.
void Connection::time_over(std::int64_t id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  settle(id, fail(ErrorCode::too_large, "the MCP server did not answer {} within {} ms", found->second.method,
                  found->second.timeout_ms));
}

void Connection::fail_all(const Error& why) {
  for (auto& [id, waiting] : std::exchange(waiting_, {})) {
    waiting.setter(std::unexpected(why));
  }
}

Task<void> Connection::send_call(std::int64_t id, std::string message) {
  const std::stop_token stop = stop_.get_token();
  const auto sent = co_await transport_->send(std::move(message), stop);
  // Over HTTP the answer has come by now; when it has not, it never will.
  if (!sent) settle(id, std::unexpected(sent.error()));
}

Task<void> Connection::send_quietly(std::string message) {
  const std::stop_token stop = stop_.get_token();
  static_cast<void>(co_await transport_->send(std::move(message), stop));
}

void Connection::settle(std::int64_t id, Answer answer) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  waiting.setter(std::move(answer));
  // Its timer may be the caller.
  loop_.post([waiting = std::move(waiting)] {});
}

void Connection::on_message(std::string_view json) {
  const auto message = rpc::parse_rpc(json);
  if (!message) return log::warn("MCP: {}", message.error().message);
  if (message->is_request()) return answer_request(*message);
  if (message->is_notification()) {
    const auto tell = [](const std::function<void()>& listener) {
      if (listener) listener();
    };
    if (message->method == "notifications/progress") on_progress(*message);
    if (message->method == "notifications/tools/list_changed") tell(events_.tools_changed);
    if (message->method == "notifications/resources/list_changed") tell(events_.resources_changed);
    if (message->method == "notifications/prompts/list_changed") tell(events_.prompts_changed);
    return;
  }
  if (!message->id) return;
  std::int64_t id = 0;
  const std::string& digits = message->id->text;
  std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (message->error) {
    const ErrorCode code = message->error->code == kMethodNotFound ? ErrorCode::not_found : ErrorCode::invalid;
    return settle(id, fail(code, "MCP error {}: {}", message->error->code, wire::valid_utf8(message->error->message)));
  }
  settle(id, message->result.value_or(domain::JsonText{"{}"}));
}

void Connection::on_progress(const rpc::RpcMessage& message) {
  const auto params = message.params ? wire::parse(message.params->text) : Result<wire::Json>(wire::Json());
  const auto found = params ? waiting_.find(wire::int_at(*params, "progressToken")) : waiting_.end();
  if (found == waiting_.end()) return;
  found->second.timer = loop_.after_ms(found->second.timeout_ms, [this, id = found->first] { time_over(id); });
}

void Connection::answer_request(const rpc::RpcMessage& request) {
  if (request.method == "ping") {
    tasks_.spawn(send_quietly(rpc::rpc_result(*request.id, {"{}"})));
  } else if (request.method == "roots/list") {
    wire::JsonObject root{{"uri", "file://" + roots_}};
    wire::JsonObject roots{{"roots", wire::JsonArray{std::move(root)}}};
    tasks_.spawn(send_quietly(rpc::rpc_result(*request.id, text_of(std::move(roots)))));
  } else {
    tasks_.spawn(send_quietly(rpc::rpc_error(*request.id, {kMethodNotFound, "not supported: " + request.method})));
  }
}

void Connection::on_closed(Error why) {
  closed_ = why;
  fail_all(why);
  if (events_.closed) events_.closed(std::move(why));
}

bool Connection::offers(std::string_view capability) const {
  const auto capabilities = wire::parse(capabilities_);
  return capabilities && wire::value_at(*capabilities, capability) != nullptr;
}

Task<Result<std::vector<domain::JsonText>>> Connection::list(std::string method, std::string member,
                                                             std::int64_t timeout_ms, std::stop_token stop) {
  std::vector<domain::JsonText> all;
  std::string cursor;
  for (int page = 0; page < kPagesMax; ++page) {
    wire::JsonObject params;
    if (!cursor.empty()) params["cursor"] = cursor;
    auto answered = co_await call(method, text_of(std::move(params)), timeout_ms, stop);
    if (!answered) co_return std::unexpected(std::move(answered).error());
    const auto result = wire::parse(answered->text);
    const wire::JsonArray* entries = result ? wire::array_at(*result, member) : nullptr;
    if (!entries)
      co_return fail(ErrorCode::invalid, "the MCP server's answer to {} has no list \"{}\"", method, member);
    for (const wire::Json& entry : *entries) {
      if (all.size() < kListMax) all.push_back(wire::to_json_text(entry));
    }
    const std::string next = wire::string_at(*result, "nextCursor");
    if (next.empty() || next == cursor || all.size() >= kListMax) break;
    cursor = next;
  }
  co_return all;
}

Task<Result<std::vector<RemoteTool>>> Connection::tools(std::int64_t timeout_ms, std::stop_token stop) {
  std::vector<RemoteTool> tools;
  if (!offers("tools")) co_return tools;
  CO_TRY(const auto entries, co_await list("tools/list", "tools", timeout_ms, stop));
  for (const auto& entry : entries) {
    const auto json = wire::parse(entry.text);
    RemoteTool tool{.name = wire::string_at(*json, "name"),
                    .description = bounded(wire::string_at(*json, "description"))};
    if (tool.name.empty()) continue;
    wire::JsonObject schema;
    if (const wire::JsonObject* given = wire::object_at(*json, "inputSchema")) schema = *given;
    schema["type"] = "object";
    if (!schema.contains("properties")) schema["properties"] = wire::JsonObject();
    tool.input_schema = text_of(std::move(schema));
    if (const wire::Json* hints = wire::value_at(*json, "annotations")) {
      const wire::Json* hint = wire::value_at(*hints, "readOnlyHint");
      tool.read_only = hint && hint->is_bool() && hint->get_bool();
    }
    tools.push_back(std::move(tool));
  }
  co_return tools;
}

Task<Result<std::vector<RemoteResource>>> Connection::resources(std::int64_t timeout_ms, std::stop_token stop) {
  std::vector<RemoteResource> resources;
  if (!offers("resources")) co_return resources;
  CO_TRY(const auto entries, co_await list("resources/list", "resources", timeout_ms, stop));
  for (const auto& entry : entries) {
    const auto json = wire::parse(entry.text);
    RemoteResource resource{.name = wire::string_at(*json, "name"),
                            .uri = wire::string_at(*json, "uri"),
                            .description = string_member(*json, "description"),
                            .mime_type = string_member(*json, "mimeType")};
    if (!resource.uri.empty()) resources.push_back(std::move(resource));
  }
  co_return resources;
}

Task<Result<std::vector<RemotePrompt>>> Connection::prompts(std::int64_t timeout_ms, std::stop_token stop) {
  std::vector<RemotePrompt> prompts;
  if (!offers("prompts")) co_return prompts;
  CO_TRY(const auto entries, co_await list("prompts/list", "prompts", timeout_ms, stop));
  for (const auto& entry : entries) {
    const auto json = wire::parse(entry.text);
    RemotePrompt prompt{.name = wire::string_at(*json, "name"),
                        .description = bounded(wire::string_at(*json, "description"))};
    if (const wire::JsonArray* arguments = wire::array_at(*json, "arguments")) {
      for (const wire::Json& argument : *arguments) prompt.arguments.push_back(wire::string_at(argument, "name"));
    }
    if (!prompt.name.empty()) prompts.push_back(std::move(prompt));
  }
  co_return prompts;
}

Task<void> Connection::close() {
  if (!closed_) closed_ = Error{ErrorCode::unavailable, "the connection to the MCP server was closed", {}};
  fail_all(*closed_);
  stop_.request_stop();
  co_await transport_->close();
  co_await tasks_.join();
}

}  // namespace quarterdeck::mcp
