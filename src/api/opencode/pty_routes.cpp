// Terminals, in OpenCode's two forms: /pty (a terminal is gone when its command has ended) and /api/pty (it stays, with
// its exit code, until it is removed). Both see the same terminals.
#include <charconv>

#include "api/opencode/location.hpp"
#include "api/opencode/routes.hpp"
#include "net/websocket.hpp"
#include "session/instance.hpp"
#include "wire/json.hpp"
#include "wire/terminal.hpp"

namespace quarterdeck::api::opencode {
namespace {

enum class Form { v1, v2 };

net::Response unknown(const PtyId& id) {
  return tagged(404, "PtyNotFoundError",
                fmt::format(R"("ptyID":{},"message":{})", wire::quoted(id.value),
                            wire::quoted("PTY session not found: " + id.value)));
}

struct PtyRoutes {
  Services& services;
  Form form;

  terminal::Terminals& terminals() const { return *services.terminals; }

  net::Response invalid(const Error& error, Where where) const {
    if (form == Form::v1) return bad_request(error.message, where);
    return tagged(400, "InvalidRequestError",
                  fmt::format(R"("message":{},"kind":"{}")", wire::quoted(error.message),
                              where == Where::params ? "Params" : "Payload"));
  }

  net::Response forbidden(std::string_view why) const {
    return tagged(403, form == Form::v1 ? "PtyForbiddenError" : "ForbiddenError",
                  fmt::format(R"("message":{})", wire::quoted(why)));
  }

  // The terminal that the path names, or the answer that says that there is none.
  std::optional<net::Response> missing(const PtyId& id) const {
    if (!has_prefix(id)) {
      return invalid(
          {ErrorCode::invalid,
           fmt::format("Expected a string starting with \"pty\", got {}\n  at [\"ptyID\"]", wire::quoted(id.value)),
           {}},
          Where::params);
    }
    const domain::Pty* pty = terminals().find(id);
    const bool gone = !pty || (form == Form::v1 && pty->status == domain::PtyStatus::exited);
    return gone ? std::optional(unknown(id)) : std::nullopt;
  }

  Task<net::Response> answer(std::filesystem::path directory, std::string data) const {
    if (form == Form::v1) co_return json(std::move(data));
    const auto instance = co_await services.engine.instances.open(std::move(directory));
    co_return json(located(instance->location, data));
  }
  Task<net::Response> about(PtyId id, domain::Pty pty) const {
    const terminal::Place* place = terminals().place_of(id);
    return answer(place ? place->directory : services.directory, wire::encode_pty(pty));
  }

  Task<net::Response> list(Call call) const {
    auto directory = requested_directory(call.request, services.directory);
    std::string out = "[";
    for (const domain::Pty& pty : terminals().list(directory)) {
      if (form == Form::v1 && pty.status == domain::PtyStatus::exited) continue;
      if (out.size() > 1) out += ',';
      out += wire::encode_pty(pty);
    }
    return answer(std::move(directory), out + ']');
  }

  Task<net::Response> create(Call call) const {
    auto command = wire::decode_create_pty(call.request.body);
    if (!command) co_return invalid(command.error(), Where::payload);
    const auto directory = requested_directory(call.request, services.directory);
    const auto instance = co_await services.engine.instances.open(directory);
    terminal::Place place{.directory = directory, .project_id = instance->location.project.id};
    auto created = co_await terminals().create(std::move(place), std::move(*command));
    if (!created) {
      const ErrorCode code = created.error().code;
      const bool theirs = code == ErrorCode::invalid || code == ErrorCode::not_found || code == ErrorCode::denied ||
                          code == ErrorCode::too_large;
      co_return theirs ? invalid(created.error(), Where::payload) : error_response(created.error());
    }
    co_return form == Form::v1 ? json(wire::encode_pty(*created))
                               : json(located(instance->location, wire::encode_pty(*created)));
  }

  Task<net::Response> get(Call call) const {
    const PtyId id{call.param("ptyID")};
    if (auto response = missing(id)) co_return std::move(*response);
    co_return co_await about(id, *terminals().find(id));
  }

  Task<net::Response> update(Call call) const {
    const PtyId id{call.param("ptyID")};
    auto command = wire::decode_update_pty(call.request.body);
    if (!command) co_return invalid(command.error(), Where::payload);
    if (auto response = missing(id)) co_return std::move(*response);
    auto updated = terminals().update(id, std::move(*command));
    if (!updated) co_return invalid(updated.error(), Where::payload);
    co_return co_await about(id, std::move(*updated));
  }

  Task<net::Response> remove(Call call) const {
    const PtyId id{call.param("ptyID")};
    if (auto response = missing(id)) co_return std::move(*response);
    const auto removed = terminals().remove(id);
    if (!removed) co_return unknown(id);
    co_return form == Form::v1 ? json("true") : no_content();
  }

  Task<net::Response> ticket(Call call) const {
    const PtyId id{call.param("ptyID")};
    // A header that no page of another origin can send without being allowed to.
    const std::string* asks = call.request.header("x-opencode-ticket");
    if (!asks || *asks != "1") co_return forbidden("Invalid PTY connect token request");
    if (auto response = missing(id)) co_return std::move(*response);
    const std::string data =
        fmt::format(R"({{"ticket":"{}","expires_in":{}}})", terminals().ticket(id), terminals().ticket_lifetime_s());
    co_return co_await answer(terminals().place_of(id)->directory, data);
  }

  // Positions that are no numbers begin at the beginning, as with OpenCode.
  static std::int64_t cursor_of(const net::Request& request) { return query_number(request, "cursor").value_or(0); }

  Task<net::Response> connect(Call call) const {
    const PtyId id{call.param("ptyID")};
    if (const auto ticket = call.request.query_value("ticket")) {
      if (!terminals().redeem(std::string(*ticket), id))
        co_return forbidden("This ticket is not valid for the terminal");
    }
    if (auto response = missing(id)) co_return std::move(*response);
    if (!net::asks_for_websocket(call.request)) {
      co_return invalid({ErrorCode::invalid, "Expected a WebSocket upgrade", {}}, Where::payload);
    }
    auto conversation = terminals().connect(id, cursor_of(call.request));
    if (!conversation) co_return unknown(id);
    co_return net::websocket_response(std::move(*conversation));
  }

  Task<net::Response> shells(Call) const {
    auto find = [] { return terminal::installed_shells(); };
    const auto found = co_await blocking(services.engine.loop, services.engine.pool, find);
    std::string out = "[";
    for (const terminal::Shell& shell : found) {
      if (out.size() > 1) out += ',';
      out += fmt::format(R"({{"path":{},"name":{},"acceptable":{}}})", wire::quoted(shell.path),
                         wire::quoted(shell.name), shell.acceptable);
    }
    co_return json(out + ']');
  }
};

}  // namespace

std::vector<Route> pty_routes(Services& services) {
  const auto v1 = [&services](Task<net::Response> (PtyRoutes::*handler)(Call) const) {
    return [routes = PtyRoutes{services, Form::v1}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  const auto v2 = [&services](Task<net::Response> (PtyRoutes::*handler)(Call) const) {
    return [routes = PtyRoutes{services, Form::v2}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = PtyRoutes;
  const std::vector<Query> directory{{"directory", "Working directory; x-opencode-directory says the same"}};
  const std::vector<Query> connecting{{"cursor", "what it showed from here on (0 = all), then live; -1 = live only"},
                                      {"ticket", "from connect-token, instead of a password"}};
  return {
      {"GET", "/pty/shells", "pty.shells", "Shells of this machine", v1(&R::shells), "ObjectList"},
      {"GET", "/pty", "pty.list", "Terminals that run", v1(&R::list), "PtyList", "", directory},
      {"POST", "/pty", "pty.create", "Open a terminal", v1(&R::create), "Pty", "CreatePty", directory},
      {"GET", "/pty/:ptyID", "pty.get", "One of them", v1(&R::get), "Pty"},
      {"PUT", "/pty/:ptyID", "pty.update", "Give it a title or a size", v1(&R::update), "Pty", "UpdatePty"},
      {"DELETE", "/pty/:ptyID", "pty.remove", "Close it: everything in it is killed", v1(&R::remove), "Boolean"},
      {"POST", "/pty/:ptyID/connect-token", "pty.connectToken", "A ticket for one connection", v1(&R::ticket),
       "PtyTicket"},
      {"GET", "/pty/:ptyID/connect", "pty.connect", "WebSocket: what it shows, and its keyboard", v1(&R::connect),
       "Object", "", connecting},
      {"GET", "/api/pty", "v2.pty.list", "Terminals, also those that have exited", v2(&R::list), "LocatedList", "",
       directory},
      {"POST", "/api/pty", "v2.pty.create", "Open a terminal", v2(&R::create), "Located", "CreatePty", directory},
      {"GET", "/api/pty/:ptyID", "v2.pty.get", "One of them", v2(&R::get), "Located"},
      {"PUT", "/api/pty/:ptyID", "v2.pty.update", "Give it a title or a size", v2(&R::update), "Located", "UpdatePty"},
      {"DELETE", "/api/pty/:ptyID", "v2.pty.remove", "Close and forget it", v2(&R::remove), "NoContent"},
      {"POST", "/api/pty/:ptyID/connect-token", "v2.pty.connectToken", "A ticket for one connection", v2(&R::ticket),
       "Located"},
      {"GET", "/api/pty/:ptyID/connect", "v2.pty.connect", "WebSocket: what it shows, and its keyboard",
       v2(&R::connect), "Object", "", connecting},
  };
}

}  // namespace quarterdeck::api::opencode
