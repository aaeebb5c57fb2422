#include "api/api.hpp"
#include "api/named_directory.hpp"

#include <iterator>

#include "api/embedded/kSchemas.hpp"
#include "api/fleet/routes.hpp"
#include "api/operations.hpp"
#include "api/web/pages.hpp"

namespace quarterdeck::api {

Api::Api(Services services, GuardOptions guard)
    : services_(std::move(services)),
      guard_(std::move(guard), *services_.access),
      scoped_(services_, services_.access->openers()) {
  std::vector<Route> routes;
  const auto add = [&](std::vector<Route> more) {
    routes.insert(routes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  add(operations_routes(services_));
  add(opencode::server_routes(services_));
  add(opencode::event_routes(services_));
  add(opencode::session_routes(services_));
  add(opencode::message_routes(services_));
  add(opencode::prompt_v2_routes(services_));
  add(opencode::session_v2_routes(services_));
  add(opencode::permission_v2_routes(services_));
  add(opencode::permission_routes(services_));
  add(opencode::question_routes(services_));
  add(opencode::command_routes(services_));
  add(opencode::instance_routes(services_));
  add(opencode::file_routes(services_));
  add(opencode::revert_routes(services_));
  add(opencode::vcs_routes(services_));
  add(opencode::auth_routes(services_));
  add(opencode::project_routes(services_));
  add(opencode::catalog_routes(services_));
  add(opencode::listing_routes(services_));
  add(opencode::tui_routes(services_));
  add(fleet::message_routes(services_));
  add(opencode::mcp_routes(services_));
  add(opencode::worktree_routes(services_));
  add(opencode::event_v2_routes(services_));
  add(opencode::integration_routes(services_));
  add(opencode::sync_routes(services_));
  add(opencode::pty_routes(services_));
  add(opencode::absent_routes(services_));
  if (services_.fleet) {
    add(fleet::roster_routes(services_));
    add(fleet::handoff_routes(services_));
    add(fleet::request_routes(services_));
    add(fleet::wait_routes(services_));
    add(fleet::limits_routes(services_));
    add(fleet::schedule_routes(services_));
    add(fleet::digest_routes(services_));
    add(fleet::commit_routes(services_));
    add(fleet::upkeep_routes(services_));
    add(fleet::search_routes(services_));
    add(fleet::webhook_routes(services_));
  }
  add(fleet::context_routes(services_));
  add(fleet::trust_routes(services_));
  add(fleet::import_routes(services_));
  add(fleet::access_routes(services_));
  add(fleet::audit_routes(services_));
  routes.push_back({"GET", "/doc", "doc", "This document: OpenAPI 3.1 of every route",
                    [this](Call) -> Task<net::Response> {
                      if (document_.empty()) {
                        document_ = openapi_document(router_->routes(), services_.engine.options.version, kSchemas);
                      }
                      return
                          [](std::string text) -> Task<net::Response> { co_return json(std::move(text)); }(document_);
                    },
                    "Object"});
  const auto scope = [this](const Route& route, Call call) { return scoped_.call(route, std::move(call)); };
  const auto audited = [this](const Route& route, Call call) {
    return audited_.call(*router_, route, std::move(call));
  };
  router_ = std::make_unique<Router>(std::move(routes), scope, audited);
  mcp::ServerOptions tools{.version = services_.engine.options.version,
                           .ask = [this](net::Request request) { return handle(std::move(request)); }};
  mcp_ =
      std::make_unique<mcp::Server>(services_.engine.loop, services_.engine.clock, system_random(), std::move(tools));
}

Task<void> Api::shutdown() { return mcp_->shutdown(); }

Task<net::Response> Api::handle(net::Request request) {
  net::Response response;
  // What the answer's CORS headers depend on, before the route takes the request.
  net::Request head{.headers = request.headers};
  Admission admitted = guard_.admit(request);
  if (admitted.refused) {
    response = std::move(*admitted.refused);
  } else if (auto outside = outside_roots(request, services_.directory, services_.engine.options.roots)) {
    response = std::move(*outside);
  } else if (auto page = web::page(request, web::assets())) {
    response = std::move(*page);
  } else if (services_.fleet && mcp::is_protocol(request)) {
    response = co_await mcp_->handle(std::move(request));
  } else {
    response = co_await router_->handle(std::move(request), std::move(admitted.who));
  }
  guard_.decorate(head, response);
  co_return response;
}

}  // namespace quarterdeck::api
