// OpenCode's v2 way to prompt and to interrupt. Here v1 and v2 see the same sessions and messages.
#include "api/idempotency.hpp"
#include "api/opencode/errors_v2.hpp"
#include "api/opencode/routes.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/session.hpp"

namespace quarterdeck::api::opencode {
namespace {

struct PromptV2Routes {
  Services& services;

  Task<net::Response> prompt(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto input = wire::decode_prompt_v2(call.request.body);
    if (!input) {
      co_return tagged(400, "InvalidRequestError",
                       fmt::format(R"("message":{},"kind":"Payload")", wire::quoted(input.error().message)));
    }
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    auto key = idempotency_key(call.request, id.value);
    if (!key) co_return error_response(key.error());
    domain::Prompt command = std::move(input->prompt);
    command.key = std::move(*key);
    const domain::Delivery delivery = command.delivery;
    const auto admitted = co_await services.host.prompt(id, std::move(command));
    if (!admitted && admitted.error().code == ErrorCode::conflict) {
      co_return tagged(409, "ConflictError", fmt::format(R"("message":{})", wire::quoted(admitted.error().message)));
    }
    if (!admitted) co_return error_response(admitted.error());
    const auto stored = services.engine.query.message(id, *admitted);
    if (!stored) co_return error_response(stored.error());
    // Their number counts a session's events; the time of admission grows likewise and is the same when asked again.
    const TimeMs created = domain::created_of(stored->info);
    co_return json(fmt::format(
        R"({{"data":{{"admittedSeq":{},"id":{},"sessionID":{},"prompt":{},"delivery":"{}","timeCreated":{}}}}})",
        created, wire::quoted(admitted->value), wire::quoted(id.value), input->echo, wire::delivery_name(delivery),
        created));
  }

  Task<net::Response> interrupt(Call call) const {
    const SessionId id{call.param("sessionID")};
    if (auto response = no_session_v2(services.engine.query, id)) co_return std::move(*response);
    services.host.abort(id);
    co_return no_content();
  }
};

}  // namespace

std::vector<Route> prompt_v2_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (PromptV2Routes::*handler)(Call) const) {
    return [routes = PromptV2Routes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = PromptV2Routes;
  return {
      {"POST", "/api/session/:sessionID/prompt", "v2.session.prompt",
       "Send a prompt that steers (or queues behind) what the session does; answers when it is stored",
       bind(&R::prompt), "SessionInputAdmittedData", "PromptV2Request"},
      {"POST", "/api/session/:sessionID/interrupt", "v2.session.interrupt", "Stop the running turn",
       bind(&R::interrupt), "NoContent"},
  };
}

}  // namespace quarterdeck::api::opencode
