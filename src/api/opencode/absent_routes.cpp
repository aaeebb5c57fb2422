// What OpenCode has and this server deliberately or not yet has: clients get an error that says so, in a status that
// OpenCode documents for the operation, or the answer that means "none". docs/compatibility.md lists them.
#include "api/opencode/routes.hpp"
#include "api/session_check.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::opencode {
namespace {

struct AbsentRoutes {
  Services& services;

  // Nothing is shared and nothing is taken back, so the session stays as it is.
  Task<net::Response> unchanged(Call call) const {
    if (auto response = no_session(services.engine.query, {call.param("sessionID")})) co_return std::move(*response);
    auto text = services.engine.query.session_json({call.param("sessionID")});
    if (!text) co_return error_response(text.error());
    co_return json(std::move(*text));
  }

  Task<net::Response> refuse_in_session(Call call, std::string_view reason) const {
    if (auto response = no_session(services.engine.query, {call.param("sessionID")})) co_return std::move(*response);
    co_return bad_request(reason, Where::params);
  }
};

}  // namespace

std::vector<Route> absent_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (AbsentRoutes::*handler)(Call) const) {
    return [routes = AbsentRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  const auto refuse = [](std::string_view reason) {
    return [reason](Call) -> Task<net::Response> {
      return [](std::string_view why) -> Task<net::Response> { co_return bad_request(why, Where::params); }(reason);
    };
  };
  const auto refuse_in_session = [&services](std::string_view reason) {
    return [routes = AbsentRoutes{services}, reason](Call call) {
      return routes.refuse_in_session(std::move(call), reason);
    };
  };
  const auto empty_list = [](Call) -> Task<net::Response> {
    return []() -> Task<net::Response> { co_return json("[]"); }();
  };
  const auto never = [](Call) -> Task<net::Response> {
    return []() -> Task<net::Response> { co_return json("false"); }();
  };
  using R = AbsentRoutes;
  constexpr std::string_view kConfig = "The configuration is changed in opencode.json, not over HTTP";
  return {
      {"POST", "/session/:sessionID/share", "session.share", "Refused: sessions stay here",
       refuse_in_session("Sharing is disabled: sessions stay on this server"), "Session"},
      {"DELETE", "/session/:sessionID/share", "session.unshare", "Nothing is shared: answers the session",
       bind(&R::unchanged), "Session"},
      {"PATCH", "/config", "config.update", "Refused: change the file", refuse(kConfig), "Config"},
      {"PATCH", "/global/config", "global.config.update", "Refused: change the file", refuse(kConfig), "Config"},
      {"POST", "/provider/:providerID/oauth/authorize", "provider.oauth.authorize", "Refused: keys only",
       refuse("Signing in to a provider with a browser is not there: use a key (PUT /auth/:id)"), "Object"},
      {"POST", "/provider/:providerID/oauth/callback", "provider.oauth.callback", "Refused: keys only",
       refuse("No sign-in was begun: use a key (PUT /auth/:id)"), "Boolean"},
      {"POST", "/experimental/session/:sessionID/background", "experimental.session.background",
       "Nothing can be detached: see /experimental/capabilities", never, "Boolean"},
      {"GET", "/tui/control/next", "tui.control.next", "Refused: clients get these as events",
       refuse("Requests to the interface are events here: listen to tui.* on /event"), "Object"},
      {"POST", "/tui/control/response", "tui.control.response", "Refused: nobody waits for one",
       refuse("No request to the interface waits for a response"), "Boolean"},
      {"GET", "/experimental/workspace/adapter", "experimental.workspace.adapter.list", "Adapters: none", empty_list,
       "ObjectList"},
  };
}

}  // namespace quarterdeck::api::opencode
