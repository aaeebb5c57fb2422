#include "api/mcp/server.hpp"

#include <algorithm>
#include <array>

#include "api/call.hpp"
#include "api/mcp/event_answer.hpp"
#include "api/mcp/revision.hpp"

namespace quarterdeck::api::mcp {
namespace {

net::Response accepted() { return {.status = 202}; }

net::Response not_allowed() {
  net::Response response =
      json(R"({"name":"MethodNotAllowedError","data":{"message":"Send MCP messages with POST"}})", 405);
  response.headers.push_back({"Allow", "POST, DELETE"});
  return response;
}

bool takes_events(const net::Request& request) {
  const std::string* accept = request.header("accept");
  return accept && accept->find("text/event-stream") != accept->npos;
}

// Empty: none is wanted.
std::string progress_token(const Message& message) {
  const wire::Json* meta = message.params.if_contains("_meta");
  const wire::Json* token = meta && meta->is_object() ? meta->get_object().if_contains("progressToken") : nullptr;
  return token && (token->is_string() || token->is_int64() || token->is_uint64()) ? wire::to_text(*token) : "";
}

}  // namespace

bool is_protocol(const net::Request& request) {
  if (request.path != "/mcp") return false;
  if (request.method == "DELETE" || request.header("mcp-protocol-version") || request.header("mcp-session-id") ||
      request.header("mcp-method")) {
    return true;
  }
  if (request.method != "GET" && request.method != "POST") return false;
  return takes_events(request) || request.body.find("\"jsonrpc\"") != request.body.npos;
}

Server::Server(Loop& loop, Clock& clock, Random& random, ServerOptions options)
    : loop_(loop), random_(random), options_(std::move(options)), sessions_(clock), calls_(loop) {}

Task<void> Server::shutdown() { co_await calls_.join(); }

Task<net::Response> Server::handle(net::Request request) {
  if (request.method == "DELETE") co_return close(request);
  if (request.method != "POST") co_return not_allowed();
  auto message = read_message(request.body);
  if (!message) co_return failed("", message.error());
  request.body.clear();
  if (is_stateless(request, *message)) co_return co_await stateless(std::move(request), std::move(*message));
  if (message->method == "initialize" && !message->id.empty()) co_return initialize(*message);
  const std::string* id = request.header("mcp-session-id");
  if (!id) {
    const Failure failure{
        .code = Code::invalid_request, .message = "Expected the header Mcp-Session-Id", .status = 400};
    co_return failed(message->id, failure);
  }
  if (!sessions_.find(*id)) {
    const Failure failure{
        .code = Code::invalid_request, .message = "Session not found: initialize again", .status = 404};
    co_return failed(message->id, failure);
  }
  std::string session = *id;
  co_return co_await stateful(std::move(request), std::move(*message), std::move(session));
}

net::Response Server::initialize(const Message& message) {
  const std::string wanted = message.text("protocolVersion");
  const std::string version(is_stateful_revision(wanted) ? std::string_view(wanted) : kStatefulRevisions.front());
  std::string id = fmt::format("{:016x}{:016x}", random_.next(), random_.next());
  wire::JsonObject result{{"protocolVersion", version},
                          {"capabilities", capabilities()},
                          {"serverInfo", server_info(options_.version)},
                          {"instructions", instructions()}};
  net::Response response = json(result_text(message.id, result));
  response.headers.push_back({"Mcp-Session-Id", id});
  sessions_.open(std::move(id), version);
  return response;
}

net::Response Server::close(const net::Request& request) {
  const std::string* id = request.header("mcp-session-id");
  const std::string* version = request.header("mcp-protocol-version");
  if (!id || (version && *version == kStateless)) return not_allowed();
  if (sessions_.close(*id)) return no_content();
  return failed("", {.code = Code::invalid_request, .message = "Session not found", .status = 404});
}

Task<void> Server::run(net::Request request, Message message, std::string session_id,
                       OneShot<std::string>::Setter done) {
  const auto answered = co_await answer(options_.ask, request, message);
  if (Session* session = sessions_.find(session_id)) session->running.erase(message.id);
  done(answered ? result_text(message.id, *answered) : failure_text(message.id, answered.error()));
}

Task<net::Response> Server::stateful(net::Request request, Message message, std::string session_id) {
  if (message.method == "notifications/cancelled") {
    Session* session = sessions_.find(session_id);
    const wire::Json* which = message.params.if_contains("requestId");
    const auto found =
        session && which ? session->running.find(wire::to_text(*which)) : decltype(session->running.end()){};
    if (session && which && found != session->running.end()) {
      found->second(failure_text(found->first, {.code = Code::cancelled, .message = "Cancelled"}));
    }
    co_return accepted();
  }
  if (message.id.empty() || message.method.empty()) co_return accepted();
  if (message.method == "ping") co_return json(result_text(message.id, {}));
  if (!is_method(message.method)) {
    const Failure failure{.code = Code::unknown_method, .message = "Method not found: " + message.method};
    co_return failed(message.id, failure);
  }
  const std::string token = takes_events(request) ? progress_token(message) : "";
  OneShot<std::string> done(loop_);
  if (Session* session = sessions_.find(session_id)) session->running.insert_or_assign(message.id, done.setter());
  calls_.spawn(run(std::move(request), std::move(message), std::move(session_id), done.setter()));
  if (!token.empty()) {
    auto events = std::make_unique<EventAnswer>(loop_, token);
    calls_.spawn(deliver(std::move(done), events->state()));
    co_return event_response(std::move(events));
  }
  co_return json(co_await done);
}

Task<net::Response> Server::stateless(net::Request request, Message message) {
  if (auto wrong = check_stateless(request, message)) co_return failed(message.id, *wrong);
  if (message.id.empty() || message.method.empty()) co_return accepted();
  const bool discovers = message.method == "server/discover";
  if (!discovers && !is_method(message.method)) {
    const Failure failure{
        .code = Code::unknown_method, .message = "Method not found: " + message.method, .status = 404};
    co_return failed(message.id, failure);
  }
  wire::JsonObject meta{{"io.modelcontextprotocol/serverInfo", server_info(options_.version)}};
  Answer answered;
  if (discovers) {
    answered = wire::JsonObject{{"supportedVersions", supported_revisions()},
                                {"capabilities", capabilities()},
                                {"instructions", instructions()}};
  } else {
    answered = co_await answer(options_.ask, request, message);
  }
  if (!answered) {
    // There is no code of its own for that in this revision.
    if (answered.error().code == Code::not_found) answered.error().code = Code::invalid_params;
    co_return failed(message.id, answered.error());
  }
  wire::JsonObject result = std::move(*answered);
  result["resultType"] = "complete";
  if (message.method != "tools/call" && message.method != "prompts/get") {
    // What is fixed may be kept until the server is another one; what sessions do changes at any time.
    const bool fixed = !message.method.starts_with("resources/");
    result["ttlMs"] = fixed ? 3'600'000 : 0;
    result["cacheScope"] = fixed ? "public" : "private";
  }
  result["_meta"] = std::move(meta);
  co_return json(result_text(message.id, result));
}

}  // namespace quarterdeck::api::mcp
