// Sessions out of this server and into it, in the form of `opencode export` and `opencode import`.
#include "api/fleet/routes.hpp"
#include "store/query.hpp"
#include "wire/import.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

struct ImportRoutes {
  Services& services;

  Task<net::Response> take(Call call) const {
    auto command = wire::decode_import(call.request.body);
    if (!command) co_return error_response(command.error());
    const std::string id = command->info.id.value;
    const auto done = co_await services.host.import(std::move(*command));
    if (!done) co_return error_response(done.error());
    co_return json(fmt::format(R"({{"sessionID":{},"made":{},"messages":{},"kept":{}}})", wire::quoted(id), done->made,
                               done->messages, done->kept));
  }

  Task<net::Response> give(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto info = services.engine.query.session_json(id);
    if (!info) co_return error_response(info.error());
    co_await services.host.settle(id);
    store::Query& query = services.engine.query;
    auto read = [&query, id] { return query.messages_json(id, {}); };
    const auto messages = co_await blocking(services.engine.loop, services.engine.pool, read);
    if (!messages) co_return error_response(messages.error());
    co_return json(fmt::format(R"({{"info":{},"messages":{}}})", *info, messages->json));
  }
};

}  // namespace

std::vector<Route> import_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (ImportRoutes::*handler)(Call) const) {
    return [routes = ImportRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = ImportRoutes;
  return {
      {"POST", "/fleet/import", "fleet.session.import", "Take a session over, or what of it is not here yet",
       bind(&R::take), "Imported", "SessionExport"},
      {"GET", "/fleet/session/:sessionID/export", "fleet.session.export", "A session as opencode import takes it",
       bind(&R::give), "SessionExport"},
  };
}

}  // namespace quarterdeck::api::fleet
