// Prompts with a delivery mode, and the queue of a session as it is (docs/prompts.md).
#include "api/fleet/once.hpp"
#include "api/fleet/routes.hpp"
#include "api/idempotency.hpp"
#include "api/session_check.hpp"
#include "fleet/fleet.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/session.hpp"

namespace quarterdeck::api::fleet {
namespace {

std::string json_ids(const std::vector<session::Waiting>& waiting) {
  std::string out = "[";
  for (const auto& each : waiting) {
    if (out.size() > 1) out += ',';
    out += fmt::format(R"({{"messageID":{},"mode":"{}"}})", wire::quoted(each.message.value),
                       wire::delivery_name(each.delivery));
  }
  return out + ']';
}

net::Response conflict(const SessionId& id, const Error& error) {
  const std::string_view tag = error.path.empty() ? "SessionBusyError" : "ConflictError";
  return tagged(409, tag,
                fmt::format(R"("sessionID":{},"message":{})", wire::quoted(id.value), wire::quoted(error.message)));
}

struct MessageRoutes {
  Services& services;

  Task<net::Response> send(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto command = wire::decode_fleet_message(call.request.body);
    if (!command) co_return error_response(command.error());
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    auto key = idempotency_key(call.request, id.value);
    if (!key) co_return error_response(key.error());
    command->key = std::move(*key);
    const domain::Delivery mode = command->delivery;
    const auto admitted = services.fleet ? co_await services.fleet->tell(id, std::move(*command))
                                         : co_await services.host.prompt(id, std::move(*command));
    if (!admitted) {
      co_return admitted.error().code == ErrorCode::conflict ? conflict(id, admitted.error())
                                                             : error_response(admitted.error());
    }
    const auto waiting = services.host.waiting(id);
    const auto place = std::ranges::find(waiting, *admitted, &session::Waiting::message);
    const bool queued = place != waiting.end();
    co_return json(fmt::format(R"({{"sessionID":{},"messageID":{},"mode":"{}","queued":{},"ahead":{}}})",
                               wire::quoted(id.value), wire::quoted(admitted->value), wire::delivery_name(mode), queued,
                               queued ? place - waiting.begin() : 0));
  }

  Task<net::Response> queue(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    const auto running = services.host.running(id);
    co_return json(fmt::format(R"({{"running":{},"queued":{}}})", running ? wire::quoted(running->value) : "null",
                               json_ids(services.host.waiting(id))));
  }

  Task<net::Response> withdraw(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    const auto withdrawn = co_await services.host.withdraw(id, MessageId{call.param("messageID")});
    if (!withdrawn) co_return error_response(withdrawn.error());
    co_return json("true");
  }

  // Like OpenCode's abort, and says what runs next.
  Task<net::Response> abort(Call call) const {
    if (!services.fleet) return abort_now(std::move(call));
    const auto act = [this](Call sent) { return abort_now(std::move(sent)); };
    const SessionId id{call.param("sessionID")};
    return once(services, id, std::move(call), act);
  }

  Task<net::Response> abort_now(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    const bool aborted = services.host.abort(id);
    co_return json(fmt::format(R"({{"aborted":{},"queued":{}}})", aborted, json_ids(services.host.waiting(id))));
  }
};

}  // namespace

std::vector<Route> message_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (MessageRoutes::*handler)(Call) const) {
    return [routes = MessageRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = MessageRoutes;
  return {
      {"POST", "/fleet/session/:sessionID/message", "fleet.session.message",
       "Send a prompt that queues, steers, interrupts or is rejected while the session works", bind(&R::send),
       "FleetMessageAdmitted", "FleetMessage"},
      {"GET", "/fleet/session/:sessionID/queue", "fleet.session.queue",
       "The prompt that is being answered and those after it", bind(&R::queue), "FleetQueue"},
      {"DELETE", "/fleet/session/:sessionID/queue/:messageID", "fleet.session.withdraw",
       "Take back a prompt that waits for its turn", bind(&R::withdraw), "Boolean"},
      {"POST", "/fleet/session/:sessionID/abort", "fleet.session.abort",
       "Stop the running turn; the queue stays, and the answer says what is in it", bind(&R::abort), "FleetAborted"},
  };
}

}  // namespace quarterdeck::api::fleet
