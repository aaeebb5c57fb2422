// Who one is, and how one becomes somebody: tokens, sign-in of browsers, one-time tickets for streams.
#include <algorithm>

#include "access/access.hpp"
#include "api/fleet/routes.hpp"
#include "api/fleet/sign_in_page.hpp"
#include "api/guard.hpp"
#include "api/scoped.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::api::fleet {

using access::Access;
using access::Role;

struct TokenParams {
  std::string name;
  Role role = Role::agent;
  std::optional<access::Kind> kind;
  bool own = false;
  bool everything = false;
  bool approves = false;
  std::vector<std::string> sessions;
  std::vector<std::string> projects;
  std::optional<std::string> expires_in;
};

// Found by argument-dependent lookup.
template <class Io>
static void describe(Io& io, TokenParams& params) {
  io.field("name", params.name);
  io.field_or("role", params.role, Role::agent);
  io.field("kind", params.kind);
  io.field_or("approves", params.approves, false);
  io.field("expires_in", params.expires_in);
  io.optional_object("scope", false, [&](auto& scope) {
    scope.field_or("own", params.own, false);
    scope.field_or("everything", params.everything, false);
    scope.field_or("sessions", params.sessions, {});
    scope.field_or("projects", params.projects, {});
  });
}

namespace {

constexpr std::int64_t kSignedInMs = 30ll * 86'400'000;

struct AccessRoutes {
  Services& services;

  Access& access() const { return *services.access; }
  template <class Work>
  auto on_pool(Work work) const {
    return blocking(services.engine.loop, services.engine.pool, std::move(work));
  }

  Task<net::Response> principal(Call call) const {
    const access::Principal& who = *call.who;
    std::string sessions, projects;
    for (const std::string& one : who.scope.sessions) sessions += (sessions.empty() ? "" : ",") + wire::quoted(one);
    for (const std::string& one : who.scope.projects) projects += (projects.empty() ? "" : ",") + wire::quoted(one);
    co_return json(fmt::format(
        R"({{"name":{},"kind":"{}","role":"{}","credential":{},"approves":{},"scope":{{"own":{},"sessions":[{}],"projects":[{}]}}}})",
        wire::quoted(who.name), who.kind == access::Kind::agent ? "agent" : "person", access::name(who.role),
        wire::quoted(who.credential), who.approves || who.role >= Role::operator_, who.scope.own, sessions, projects));
  }

  Task<net::Response> ticket(Call call) const {
    co_return json(
        fmt::format(R"({{"ticket":"{}","expires_in":{}}})", access().ticket(call.who), Access::kTicketMs / 1000));
  }

  Task<net::Response> list(Call) const {
    const Places places = services.engine.places;
    auto read = [places] { return access::list_tokens(places); };
    const auto tokens = co_await on_pool(read);
    if (!tokens) co_return error_response(tokens.error());
    std::string out;
    for (const auto& token : *tokens) {
      if (!out.empty()) out += ',';
      out += access::shown(token);
    }
    co_return json(fmt::format(R"({{"tokens":[{}]}})", out));
  }

  Task<net::Response> create(Call call) const {
    auto params = wire::decode_text<TokenParams>(call.request.body);
    if (!params) co_return error_response(params.error());
    access::TokenWanted wanted{
        .name = std::move(params->name),
        .role = params->role,
        .kind = params->kind,
        .scope = {params->own, std::move(params->sessions), std::move(params->projects)},
        .everything = params->everything,
        .approves = params->approves,
        .created_by = call.who->name,
    };
    if (params->expires_in) {
      const auto lifetime = access::lifetime_of(*params->expires_in);
      if (!lifetime) co_return bad_request(lifetime.error().message + "\n  at [\"expires_in\"]", Where::payload);
      wanted.lifetime_ms = *lifetime;
    }
    const Places places = services.engine.places;
    const TimeMs now = services.engine.clock.now_ms();
    auto write = [places, wanted, now] { return access::create_token(places, wanted, now); };
    const auto made = co_await on_pool(write);
    if (!made) co_return error_response(made.error());
    net::Response response =
        json(fmt::format(R"({{"token":{},"secret":{}}})", access::shown(made->token), wire::quoted(made->secret)));
    response.headers.push_back({"Cache-Control", "no-store"});
    co_return response;
  }

  Task<net::Response> revoke(Call call) const {
    const Places places = services.engine.places;
    const TimeMs now = services.engine.clock.now_ms();
    const std::string id = call.param("tokenID");
    auto write = [places, id, now] { return access::revoke_token(places, id, now); };
    const auto revoked = co_await on_pool(write);
    if (!revoked) co_return error_response(revoked.error());
    co_return json(access::shown(*revoked));
  }

  // --------------------------------------------------------------------------------------------- browsers

  Task<net::Response> page(Call) const { co_return sign_in_page(); }

  static net::Response with_cookie(const net::Request& request, std::string_view secret, std::int64_t seconds) {
    const std::string* origin = request.header("origin");
    const std::string* forwarded = request.header("x-forwarded-proto");
    const bool https = (origin && origin->starts_with("https://")) || (forwarded && *forwarded == "https");
    net::Response response = json(R"({"signed_in":true})");
    response.headers.push_back(
        {"Set-Cookie", fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", cookie_name(request),
                                   secret, seconds, https ? "; Secure" : "")});
    response.headers.push_back({"Cache-Control", "no-store"});
    return response;
  }

  // {"password"}, or {"token"}: an API token or the secret of a one-time link.
  Task<net::Response> sign_in(Call call) const {
    const auto body = wire::parse(call.request.body);
    if (!body) co_return error_response(body.error());
    const std::string password = wire::string_at(*body, "password");
    const std::string token = wire::string_at(*body, "token");
    access::TokenWanted wanted{.name = "browser", .role = Role::admin, .browser = true, .lifetime_ms = kSignedInMs};
    if (!token.empty()) {
      // What a token opens stays open only as long as the token does: its own secret is the cookie.
      if (access().check_token(token)) co_return with_cookie(call.request, token, kSignedInMs / 1000);
      const auto link = access().tokens().find_once(token);
      if (!link) co_return unauthorized("This link or token is not valid, or was used before");
      wanted.name = link->name;
      wanted.role = link->role;
      wanted.created_by = "link " + link->id;
      const Places places = services.engine.places;
      const TimeMs now = services.engine.clock.now_ms();
      auto use_up = [places, id = link->id, now] { return access::revoke_token(places, id, now); };
      const auto used = co_await on_pool(use_up);
      // Of two who come at once, one was first.
      if (!used || used->revoked != now) co_return unauthorized("This link was used before");
    } else {
      const auto checked = access().check_password_alone(call.request.peer, password);
      if (const auto* refusal = std::get_if<Access::Refusal>(&checked)) {
        if (refusal->wait_s == 0) co_return unauthorized("Wrong password");
        net::Response later = json(
            R"({"name":"TooManyRequestsError","data":{"message":"Too many wrong passwords; try again later"}})", 429);
        later.headers.push_back({"Retry-After", std::to_string(refusal->wait_s)});
        co_return later;
      }
      wanted.name = std::get<access::Who>(checked)->name;
      wanted.created_by = "password";
    }
    const Places places = services.engine.places;
    const TimeMs now = services.engine.clock.now_ms();
    auto write = [places, wanted, now] { return access::create_token(places, wanted, now); };
    const auto made = co_await on_pool(write);
    if (!made) co_return error_response(made.error());
    co_return with_cookie(call.request, made->secret, kSignedInMs / 1000);
  }

  Task<net::Response> sign_out(Call call) const {
    if (call.who->credential.starts_with("tok_")) {
      const Places places = services.engine.places;
      const TimeMs now = services.engine.clock.now_ms();
      auto write = [places, id = call.who->credential, now]() -> Result<void> {
        TRY(const auto tokens, access::list_tokens(places));
        const auto found = std::ranges::find(tokens, id, &access::Token::id);
        if (found == tokens.end() || !found->browser) return {};  // an API token outlives the browser
        TRY([[maybe_unused]] const auto revoked, access::revoke_token(places, id, now));
        return {};
      };
      const auto done = co_await on_pool(write);
      if (!done) co_return error_response(done.error());
    }
    co_return with_cookie(call.request, "", 0);
  }

  static net::Response unauthorized(std::string_view message) {
    return json(fmt::format(R"({{"name":"UnauthorizedError","data":{{"message":{}}}}})", wire::quoted(message)), 401);
  }
};

}  // namespace

std::vector<Route> access_routes(Services& services) {
  const auto routes = std::make_shared<AccessRoutes>(services);
  const auto bind = [routes](Task<net::Response> (AccessRoutes::*handler)(Call) const) {
    return [routes, handler](Call call) { return ((*routes).*handler)(std::move(call)); };
  };
  using R = AccessRoutes;
  return {
      {"GET", "/fleet/principal", "fleet.principal", "Who the caller is, and what it may do", bind(&R::principal),
       "Object"},
      {"POST", "/fleet/ticket", "fleet.ticket",
       "A ticket for one stream (?ticket=…), for what cannot send a header; 30 seconds", bind(&R::ticket), "Object"},
      {"GET", "/fleet/token", "fleet.token.list", "API tokens and browsers that signed in", bind(&R::list), "Object"},
      {"POST", "/fleet/token", "fleet.token.create", "A new token; its secret is shown this once", bind(&R::create),
       "Object", "Object"},
      {"DELETE", "/fleet/token/:tokenID", "fleet.token.revoke", "Let it in no longer; by id or name", bind(&R::revoke),
       "Object"},
      {"GET", "/sign-in", "fleet.sign_in.page", "The page where a browser signs in", bind(&R::page), "Page"},
      {"POST", "/fleet/sign-in", "fleet.sign_in", "Sign a browser in: {\"password\"} or {\"token\"}; sets a cookie",
       bind(&R::sign_in), "Object", "Object"},
      {"POST", "/fleet/sign-out", "fleet.sign_out", "Forget this browser", bind(&R::sign_out), "Object"},
  };
}

}  // namespace quarterdeck::api::fleet
