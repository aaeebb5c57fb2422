#include "api/opencode/routes.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/session.hpp"

namespace quarterdeck::api::opencode {
namespace {

struct RevertRoutes {
  Services& services;

  std::optional<net::Response> missing(const SessionId& id) const {
    const auto known = services.engine.query.session_json(id);
    if (!known) return error_response(known.error());
    return std::nullopt;
  }

  static net::Response answer(const SessionId& id, const Result<domain::Session>& session) {
    if (session) return json(wire::encode_session(*session));
    if (session.error().code != ErrorCode::conflict) return error_response(session.error());
    return tagged(
        409, "SessionBusyError",
        fmt::format(R"("sessionID":{},"message":{})", wire::quoted(id.value), wire::quoted(session.error().message)));
  }

  Task<net::Response> revert(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (call.request.body.empty()) co_return bad_request("Expected object, got undefined", Where::payload);
    auto command = wire::decode_revert(call.request.body);
    if (!command) co_return error_response(command.error());
    if (auto response = missing(id)) co_return std::move(*response);
    const auto session = co_await services.host.revert(id, std::move(command->message_id), std::move(command->part_id));
    co_return answer(id, session);
  }

  Task<net::Response> unrevert(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = missing(id)) co_return std::move(*response);
    const auto session = co_await services.host.unrevert(id);
    co_return answer(id, session);
  }

  Task<net::Response> summarize(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (call.request.body.empty()) co_return bad_request("Expected object, got undefined", Where::payload);
    auto command = wire::decode_summarize(call.request.body);
    if (!command) co_return error_response(command.error());
    if (auto response = missing(id)) co_return std::move(*response);
    const auto done = co_await services.host.summarize(id, std::move(*command));
    if (!done && done.error().code == ErrorCode::invalid) co_return internal_error(done.error().message);
    if (!done) co_return error_response(done.error());
    co_return json("true");
  }

  Task<net::Response> diff(Call call) const {
    std::optional<MessageId> prompt;
    if (const auto named = call.request.query_value("messageID"); named && !named->empty()) {
      prompt = MessageId{std::string(*named)};
      if (!has_prefix(*prompt)) {
        co_return bad_request(fmt::format("Expected a string starting with \"msg\", got {}\n  at [\"messageID\"]",
                                          wire::quoted(prompt->value)),
                              Where::query);
      }
    }
    auto changes = co_await services.host.diff(SessionId{call.param("sessionID")}, std::move(prompt));
    // Nothing is known of it, so nothing was changed: OpenCode's clients ask about sessions that are gone.
    if (!changes && changes.error().code == ErrorCode::not_found) co_return json("[]");
    if (!changes) co_return error_response(changes.error());
    co_return json(std::move(*changes));
  }
};

}  // namespace

std::vector<Route> revert_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (RevertRoutes::*handler)(Call) const) {
    return [routes = RevertRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = RevertRoutes;
  return {
      {"POST", "/session/:sessionID/revert", "session.revert", "Take the conversation and the files back to a message",
       bind(&R::revert), "Session", "RevertRequest"},
      {"POST", "/session/:sessionID/unrevert", "session.unrevert", "Take the last revert back", bind(&R::unrevert),
       "Session"},
      {"POST", "/session/:sessionID/summarize", "session.summarize", "Summarise what was said so far",
       bind(&R::summarize), "Boolean", "SummarizeRequest"},
      {"GET",
       "/session/:sessionID/diff",
       "session.diff",
       "What the session did to the files",
       bind(&R::diff),
       "SnapshotFileDiffList",
       "",
       {{"messageID", "only what the answer to this prompt did"}}},
  };
}

}  // namespace quarterdeck::api::opencode
