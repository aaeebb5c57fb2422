#include "api/idempotency.hpp"
#include "api/opencode/routes.hpp"
#include "api/session_check.hpp"
#include "base/encoding.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/message.hpp"
#include "wire/session.hpp"

namespace quarterdeck::api::opencode {
namespace {

// `opencode run` exits as soon as the prompt is answered, whatever its event stream still holds: it gets a moment to
// read what was sent before.
constexpr std::int64_t kOpencodeRunDrainMs = 150;

struct MessageRoutes {
  Services& services;

  Task<net::Response> list(Call call) const {
    const SessionId id{call.param("sessionID")};
    store::MessageSlice slice;
    if (const auto limit = call.request.query_value("limit")) {
      const auto number = query_number(call.request, "limit");
      if (!number) co_return bad_request("Expected an integer, got NaN\n  at [\"limit\"]", Where::query);
      if (*number > 0) slice.limit = *number;
    }
    if (const auto before = call.request.query_value("before")) {
      const auto bytes = base64_decode(*before);
      const auto cursor = bytes ? wire::parse(*bytes) : fail(ErrorCode::invalid, "bad cursor");
      const std::string message = cursor ? wire::string_at(*cursor, "id") : "";
      if (message.empty() || !call.request.query_value("limit")) co_return tagged(400, "BadRequest");
      slice.before = store::MessageCursor{.id = {message}, .time = wire::int_at(*cursor, "time")};
    }
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    co_await services.host.settle(id);
    store::Query& query = services.engine.query;
    auto load = [&query, id, slice] { return query.messages_json(id, slice); };
    auto messages = co_await blocking(services.engine.loop, services.engine.pool, load);
    if (!messages) co_return error_response(messages.error());
    net::Response response = json(std::move(messages->json));
    response.headers.push_back({"Access-Control-Expose-Headers", "Link, X-Next-Cursor"});
    if (messages->next) {
      const std::string cursor = base64url(
          fmt::format(R"({{"id":{},"time":{}}})", wire::quoted(messages->next->id.value), messages->next->time));
      const std::string* host = call.request.header("host");
      response.headers.push_back(
          {"Link", fmt::format("<http://{}{}?limit={}&before={}>; rel=\"next\"", host ? *host : "localhost",
                               call.request.path, slice.limit, cursor)});
      response.headers.push_back({"X-Next-Cursor", cursor});
    }
    co_return response;
  }

  Task<net::Response> get(Call call) const {
    const SessionId id{call.param("sessionID")};
    const MessageId message{call.param("messageID")};
    if (!has_prefix(message)) {
      co_return bad_request(fmt::format("Expected a string starting with \"msg\", got {}\n  at [\"messageID\"]",
                                        wire::quoted(message.value)),
                            Where::params);
    }
    co_await services.host.settle(id);
    co_return message_response(id, message);
  }

  net::Response message_response(const SessionId& id, const MessageId& message) const {
    auto text = services.engine.query.message_json(id, message);
    if (!text) return error_response(text.error());
    return json(std::move(*text));
  }

  Task<net::Response> prompt(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto command = wire::decode_prompt(call.request.body);
    if (!command) co_return payload_error(call, command.error());
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    auto key = idempotency_key(call.request, id.value);
    if (!key) co_return error_response(key.error());
    command->key = std::move(*key);
    const bool no_reply = command->no_reply;
    const bool drains = is_opencode_cli(call.request);
    const auto admitted = co_await services.host.prompt(id, std::move(*command));
    // An unknown agent or model is the server's error in OpenCode, and clients know it as that.
    if (!admitted) {
      co_return admitted.error().code == ErrorCode::invalid ? internal_error(admitted.error().message)
                                                            : error_response(admitted.error());
    }
    if (no_reply) co_return message_response(id, *admitted);
    const auto answer = co_await services.host.answer(id, *admitted);
    if (!answer) {
      if (services.engine.shutting_down())
        co_return error_response(
            {ErrorCode::unavailable, "The server is stopping; the prompt is stored and goes on when it is back", {}});
      // The session or the prompt was deleted meanwhile.
      if (answer.error().code == ErrorCode::not_found) co_return error_response(answer.error());
      co_return internal_error(answer.error().message);
    }
    if (drains) co_await sleep_ms(services.engine.loop, kOpencodeRunDrainMs, services.engine.shutdown);
    co_return message_response(id, *answer);
  }

  Task<net::Response> prompt_async(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto command = wire::decode_prompt(call.request.body);
    if (!command) co_return payload_error(call, command.error());
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    auto key = idempotency_key(call.request, id.value);
    if (!key) co_return error_response(key.error());
    command->key = std::move(*key);
    const auto admitted = co_await services.host.prompt(id, std::move(*command));
    // 204 also for an unknown agent or model, as OpenCode does: the error arrives as an event.
    if (!admitted && admitted.error().code != ErrorCode::invalid) co_return error_response(admitted.error());
    co_return no_content();
  }

  static std::optional<net::Response> wrong_id(std::string_view name, std::string_view prefix, std::string_view value,
                                               Where where = Where::params) {
    if (value.starts_with(prefix)) return std::nullopt;
    return bad_request(fmt::format("Expected a string starting with \"{}\", got {}\n  at [{}]", prefix,
                                   wire::quoted(value), wire::quoted(name)),
                       where);
  }

  // While a session works, its past stays as it is.
  static net::Response edit_error(const SessionId& id, const Error& error) {
    if (error.code != ErrorCode::conflict) return error_response(error);
    return tagged(409, "SessionBusyError",
                  fmt::format(R"("sessionID":{},"message":{})", wire::quoted(id.value), wire::quoted(error.message)));
  }

  Task<net::Response> remove(Call call) const {
    const SessionId id{call.param("sessionID")};
    MessageId message{call.param("messageID")};
    if (auto response = wrong_id("messageID", "msg", message.value)) co_return std::move(*response);
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    const auto removed = co_await services.host.remove_message(id, std::move(message));
    if (!removed) co_return edit_error(id, removed.error());
    co_return json("true");
  }

  Task<net::Response> remove_part(Call call) const {
    const SessionId id{call.param("sessionID")};
    MessageId message{call.param("messageID")};
    PartId part{call.param("partID")};
    if (auto response = wrong_id("messageID", "msg", message.value)) co_return std::move(*response);
    if (auto response = wrong_id("partID", "prt", part.value)) co_return std::move(*response);
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    const auto removed = co_await services.host.remove_part(id, std::move(message), std::move(part));
    if (!removed) co_return edit_error(id, removed.error());
    co_return json("true");
  }

  Task<net::Response> update_part(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = wrong_id("messageID", "msg", call.param("messageID"))) co_return std::move(*response);
    if (auto response = wrong_id("partID", "prt", call.param("partID"))) co_return std::move(*response);
    auto part = wire::decode_part(call.request.body);
    if (!part) co_return payload_error(call, part.error());
    const bool same = part->session_id == id && part->message_id.value == call.param("messageID") &&
                      part->id.value == call.param("partID");
    if (!same) co_return tagged(400, "BadRequest");
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    std::string text = wire::encode_part(*part);
    const auto updated = co_await services.host.update_part(std::move(*part));
    if (!updated) co_return edit_error(id, updated.error());
    co_return json(std::move(text));
  }

  Task<net::Response> fork(Call call) const {
    const SessionId id{call.param("sessionID")};
    std::optional<MessageId> before;
    if (!call.request.body.empty()) {
      const auto body = wire::parse(call.request.body);
      if (!body) co_return error_response(body.error());
      if (!body->is_object()) co_return bad_request("Expected object", Where::payload);
      if (const wire::Json* message = wire::value_at(*body, "messageID")) {
        before = MessageId{wire::string_at(*body, "messageID", wire::to_text(*message))};
        if (auto response = wrong_id("messageID", "msg", before->value, Where::payload)) co_return std::move(*response);
      }
    }
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    const auto made = co_await services.host.fork(id, std::move(before));
    if (!made) co_return error_response(made.error());
    co_return json(wire::encode_session(*made));
  }

  Task<net::Response> shell(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto command = wire::decode_run_shell(call.request.body);
    if (!command) co_return payload_error(call, command.error());
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    const auto answer = co_await services.host.shell(id, std::move(*command));
    if (!answer && answer.error().code == ErrorCode::invalid) co_return internal_error(answer.error().message);
    if (!answer) co_return edit_error(id, answer.error());
    co_return message_response(id, *answer);
  }

  static net::Response payload_error(const Call& call, const Error& error) {
    if (call.request.body.empty()) return bad_request("Expected object, got undefined", Where::payload);
    return error_response(error);
  }
};

}  // namespace

std::vector<Route> message_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (MessageRoutes::*handler)(Call) const) {
    return [routes = MessageRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = MessageRoutes;
  return {
      {"GET",
       "/session/:sessionID/message",
       "session.messages",
       "Messages with their parts, oldest first",
       bind(&R::list),
       "MessageList",
       "",
       {{"limit", "the newest so many; 0 or absent = all"}, {"before", "cursor from X-Next-Cursor"}}},
      {"POST", "/session/:sessionID/message", "session.prompt", "Send a prompt and wait for the answer",
       bind(&R::prompt), "MessageWithParts", "PromptRequest"},
      {"GET", "/session/:sessionID/message/:messageID", "session.message", "One message with its parts", bind(&R::get),
       "MessageWithParts"},
      {"DELETE", "/session/:sessionID/message/:messageID", "session.deleteMessage", "Take a message out of the session",
       bind(&R::remove), "Boolean"},
      {"DELETE", "/session/:sessionID/message/:messageID/part/:partID", "part.delete", "Take a part out of its message",
       bind(&R::remove_part), "Boolean"},
      {"PATCH", "/session/:sessionID/message/:messageID/part/:partID", "part.update", "Replace a part",
       bind(&R::update_part), "Part", "Part"},
      {"POST", "/session/:sessionID/fork", "session.fork", "A new session with copies of the messages before messageID",
       bind(&R::fork), "Session", "ForkRequest"},
      {"POST", "/session/:sessionID/shell", "session.shell", "Run a command in the session, without a model",
       bind(&R::shell), "MessageWithParts", "ShellRequest"},
      {"POST", "/session/:sessionID/prompt_async", "session.prompt_async",
       "Send a prompt; 204 when it is stored and will be answered", bind(&R::prompt_async), "NoContent",
       "PromptRequest"},
  };
}

}  // namespace quarterdeck::api::opencode
