#include "api/opencode/routes.hpp"
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

  // Sessions have to exist before anything is said about their messages.
  std::optional<net::Response> missing(const SessionId& id) const {
    if (!has_prefix(id)) {
      return bad_request(fmt::format("Expected a string starting with \"ses\", got {}\n  at [\"sessionID\"]", wire::quoted(id.value)),
                         Where::params);
    }
    const auto known = services.engine.query.session_json(id);
    if (!known) return error_response(known.error());
    return std::nullopt;
  }

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
    if (auto response = missing(id)) co_return std::move(*response);
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
      response.headers.push_back({"Link", fmt::format("<http://{}{}?limit={}&before={}>; rel=\"next\"",
                                                      host ? *host : "localhost", call.request.path, slice.limit, cursor)});
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
    if (auto response = missing(id)) co_return std::move(*response);
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
      if (services.engine.shutting_down()) co_return error_response({ErrorCode::unavailable, "The server is stopping; the prompt is stored and goes on when it is back", {}});
      co_return internal_error(answer.error().message);
    }
    if (drains) co_await sleep_ms(services.engine.loop, kOpencodeRunDrainMs, services.engine.shutdown);
    co_return message_response(id, *answer);
  }

  Task<net::Response> prompt_async(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto command = wire::decode_prompt(call.request.body);
    if (!command) co_return payload_error(call, command.error());
    if (auto response = missing(id)) co_return std::move(*response);
    const auto admitted = co_await services.host.prompt(id, std::move(*command));
    // 204 also for an unknown agent or model, as OpenCode does: the error arrives as an event.
    if (!admitted && admitted.error().code != ErrorCode::invalid) co_return error_response(admitted.error());
    co_return no_content();
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
      {"GET", "/session/:sessionID/message", "session.messages", "Messages with their parts, oldest first",
       bind(&R::list), "MessageList", "",
       {{"limit", "the newest so many; 0 or absent = all"}, {"before", "cursor from X-Next-Cursor"}}},
      {"POST", "/session/:sessionID/message", "session.prompt", "Send a prompt and wait for the answer",
       bind(&R::prompt), "MessageWithParts", "PromptRequest"},
      {"GET", "/session/:sessionID/message/:messageID", "session.message", "One message with its parts", bind(&R::get),
       "MessageWithParts"},
      {"POST", "/session/:sessionID/prompt_async", "session.prompt_async",
       "Send a prompt; 204 when it is stored and will be answered", bind(&R::prompt_async), "NoContent", "PromptRequest"},
  };
}

}  // namespace quarterdeck::api::opencode
