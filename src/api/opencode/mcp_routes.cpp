#include "api/opencode/routes.hpp"
#include "config/document.hpp"
#include "mcp/servers.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::opencode {
namespace {

constexpr std::int64_t kSignInMs = 5 * 60 * 1000;

std::string status_json(const mcp::ServerStatus& status) {
  using State = mcp::ServerStatus::State;
  const auto with_error = [&](std::string_view name) {
    return fmt::format(R"({{"status":"{}","error":{}}})", name, wire::quoted(status.error));
  };
  switch (status.state) {
    case State::connected: return R"({"status":"connected"})";
    case State::disabled: return R"({"status":"disabled"})";
    case State::needs_auth: return R"({"status":"needs_auth"})";
    case State::needs_client_registration: return with_error("needs_client_registration");
    case State::failed: return with_error("failed");
    // OpenCode has no name for it: its clients wait for the next look.
    case State::connecting: return R"({"status":"failed","error":"still connecting"})";
  }
  return "{}";
}

struct McpRoutes {
  Services& services;

  Task<std::shared_ptr<session::Instance>> instance(const Call& call) const {
    std::filesystem::path directory = requested_directory(call.request, services.directory);
    co_return co_await services.engine.instances.open(std::move(directory));
  }

  static net::Response no_server(const std::string& name) {
    return tagged(404, "McpServerNotFoundError",
                  fmt::format(R"("name":{},"message":{})", wire::quoted(name),
                              wire::quoted(fmt::format("MCP server not found: {}", name))));
  }
  static net::Response refused(const Error& error, const std::string& name) {
    if (error.code == ErrorCode::not_found) return no_server(name);
    if (error.code == ErrorCode::invalid)
      return json(fmt::format(R"({{"error":{}}})", wire::quoted(error.message)), 400);
    return bad_request(error.message, Where::payload);
  }

  static std::string all(const mcp::Servers& servers) {
    std::string out = "{";
    for (const auto& [name, status] : servers.status()) {
      if (out.size() > 1) out += ',';
      out += wire::quoted(name) + ':' + status_json(status);
    }
    return out + '}';
  }

  // Servers that are starting are waited for, as OpenCode does: a client asks once.
  Task<net::Response> status(Call call) const {
    const auto found = co_await instance(call);
    co_await found->mcp->settled();
    co_return json(all(*found->mcp));
  }

  Task<net::Response> add(Call call) const {
    const auto body = wire::parse(call.request.body);
    if (!body) co_return error_response(body.error());
    const wire::Json* name = wire::value_at(*body, "name");
    const wire::Json* given = wire::value_at(*body, "config");
    if (!name || !name->is_string()) co_return bad_request("Missing key\n  at [\"name\"]", Where::payload);
    if (!given) co_return bad_request("Missing key\n  at [\"config\"]", Where::payload);
    const std::string server(std::string_view(name->get_string()));
    const wire::JsonObject document{{"mcp", wire::JsonObject{{server, *given}}}};
    auto decoded = config::decode_document(document, services.engine.places.home);
    if (!decoded) co_return error_response(decoded.error());
    config::McpServer config = std::move(decoded->mcp.at(server));
    if (config.command.empty() && config.url.empty()) {
      co_return bad_request("Expected \"local\" | \"remote\"\n  at [\"config\"][\"type\"]", Where::payload);
    }
    const auto found = co_await instance(call);
    found->mcp->add(server, std::move(config));
    co_await found->mcp->settled();
    co_return json(all(*found->mcp));
  }

  Task<net::Response> connect(Call call) const {
    const auto found = co_await instance(call);
    const std::string name = call.param("name");
    const auto done = co_await found->mcp->connect(name);
    co_return done ? json("true") : refused(done.error(), name);
  }

  Task<net::Response> disconnect(Call call) const {
    const auto found = co_await instance(call);
    const std::string name = call.param("name");
    const auto done = co_await found->mcp->disconnect(name);
    co_return done ? json("true") : refused(done.error(), name);
  }

  Task<net::Response> start_sign_in(Call call) const {
    const auto found = co_await instance(call);
    const std::string name = call.param("name");
    const auto started = co_await found->mcp->start_sign_in(name);
    if (!started) co_return refused(started.error(), name);
    co_return json(fmt::format(R"({{"authorizationUrl":{},"oauthState":{}}})", wire::quoted(started->url),
                               wire::quoted(started->state)));
  }

  Task<net::Response> finish_sign_in(Call call) const {
    const auto found = co_await instance(call);
    const std::string name = call.param("name");
    const auto body = wire::parse(call.request.body);
    if (!body) co_return error_response(body.error());
    const std::string code = wire::string_at(*body, "code");
    const auto servers = found->mcp->status();
    if (!servers.contains(name)) co_return no_server(name);
    if (code.empty()) co_return bad_request("Missing key\n  at [\"code\"]", Where::payload);
    const auto done = co_await found->mcp->finish_sign_in(name, code);
    if (!done) co_return refused(done.error(), name);
    co_return json(status_json(found->mcp->status().at(name)));
  }

  // Starts a sign-in and waits until the user's browser has come back, or five minutes. The address is told as an event:
  // the user's browser is hardly ever on the server's machine.
  Task<net::Response> sign_in(Call call) const {
    const auto found = co_await instance(call);
    const std::string name = call.param("name");
    const auto started = co_await found->mcp->start_sign_in(name);
    if (!started) co_return refused(started.error(), name);
    services.engine.feed.publish(feed::Notice{
        .directory = found->location.directory.string(),
        .project_id = found->location.project.id,
        .type = "mcp.browser.open.failed",
        .properties = fmt::format(R"({{"mcpName":{},"url":{}}})", wire::quoted(name), wire::quoted(started->url))});
    const std::int64_t until = services.engine.clock.now_ms() + kSignInMs;
    while (services.engine.clock.now_ms() < until && found->mcp->awaiting(started->state) == name) {
      if (!co_await sleep_ms(services.engine.loop, 200, services.engine.shutdown)) break;
    }
    co_await found->mcp->settled();
    const auto servers = found->mcp->status();
    if (!servers.contains(name)) co_return no_server(name);
    co_return json(status_json(servers.at(name)));
  }

  Task<net::Response> forget_sign_in(Call call) const {
    const auto found = co_await instance(call);
    const std::string name = call.param("name");
    if (!found->mcp->status().contains(name)) co_return no_server(name);
    if (const auto done = found->mcp->forget_sign_in(name); !done)
      co_return bad_request(done.error().message, Where::params);
    co_return json(R"({"success":true})");
  }

  // Where the authorization server sends the user's browser. The state, a secret of ours, says which sign-in it is.
  Task<net::Response> come_back(Call call) const {
    // Words for a browser; who asks for anything else gets JSON like everywhere.
    const std::string* accept = call.request.header("accept");
    const bool browser = accept && accept->contains("text/html");
    const auto page = [browser](int status, std::string_view text) {
      if (!browser) return json(fmt::format(R"({{"message":{}}})", wire::quoted(text)), status);
      return net::Response{.status = status,
                           .headers = {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
                           .body = std::string(text)};
    };
    const std::string state(call.request.query_value("state").value_or(""));
    const std::string code(call.request.query_value("code").value_or(""));
    for (const auto& loaded : services.engine.instances.loaded()) {
      if (!loaded->mcp) continue;
      const std::string name = loaded->mcp->awaiting(state);
      if (name.empty()) continue;
      if (code.empty()) co_return page(400, "The sign-in was refused. You may close this window and try again.\n");
      const auto done = co_await loaded->mcp->finish_sign_in(name, code);
      if (!done) co_return page(400, done.error().message + "\n");
      co_return page(200, "Signed in. You may close this window.\n");
    }
    co_return page(404, "No sign-in waits for this answer. Start it again.\n");
  }

  Task<net::Response> resources(Call call) const {
    const auto found = co_await instance(call);
    co_await found->mcp->settled();
    wire::JsonObject out;
    for (const mcp::Resource& resource : found->mcp->resources()) {
      wire::JsonObject entry{{"name", resource.name}, {"uri", resource.uri}, {"client", resource.server}};
      if (resource.description) entry["description"] = *resource.description;
      if (resource.mime_type) entry["mimeType"] = *resource.mime_type;
      out[resource.server + ":" + resource.name] = std::move(entry);
    }
    co_return json(wire::to_text(out));
  }
};

}  // namespace

std::vector<Route> mcp_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (McpRoutes::*handler)(Call) const) {
    return [routes = McpRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = McpRoutes;
  return {
      {"GET", "/mcp", "mcp.status", "MCP servers and whether they are connected", bind(&R::status), "Object"},
      {"POST", "/mcp", "mcp.add", "Add a server until the directory is loaded anew", bind(&R::add), "Object", "Object"},
      {"POST", "/mcp/:name/connect", "mcp.connect", "Start or restart a server", bind(&R::connect), "Boolean"},
      {"POST", "/mcp/:name/disconnect", "mcp.disconnect", "End a server", bind(&R::disconnect), "Boolean"},
      {"POST", "/mcp/:name/auth", "mcp.auth.start", "Begin to sign in: the address for a browser",
       bind(&R::start_sign_in), "Object"},
      {"DELETE", "/mcp/:name/auth", "mcp.auth.remove", "Forget the sign-in", bind(&R::forget_sign_in), "Object"},
      {"POST", "/mcp/:name/auth/callback", "mcp.auth.callback", "End the sign-in with the code",
       bind(&R::finish_sign_in), "Object", "Object"},
      {"POST", "/mcp/:name/auth/authenticate", "mcp.auth.authenticate", "Sign in and wait for it", bind(&R::sign_in),
       "Object"},
      {"GET", "/mcp/oauth/callback", "mcp.auth.redirect", "Where a browser comes back to after a sign-in",
       bind(&R::come_back), "Object"},
      {"GET", "/experimental/resource", "experimental.resource.list", "Resources of MCP servers", bind(&R::resources),
       "Object"},
  };
}

}  // namespace quarterdeck::api::opencode
