// Remote control of the terminal interface: each request becomes an event that it listens to.
#include <algorithm>
#include <array>

#include "api/opencode/routes.hpp"
#include "feed/feed.hpp"
#include "session/instance.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::opencode {
namespace {

// What /tui/execute-command calls them, and what the interface does.
using Command = std::pair<std::string_view, std::string_view>;
constexpr std::array<Command, 14> kCommands{{{"session_new", "session.new"},
                                             {"session_share", "session.share"},
                                             {"session_interrupt", "session.interrupt"},
                                             {"session_compact", "session.compact"},
                                             {"messages_page_up", "session.page.up"},
                                             {"messages_page_down", "session.page.down"},
                                             {"messages_line_up", "session.line.up"},
                                             {"messages_line_down", "session.line.down"},
                                             {"messages_half_page_up", "session.half.page.up"},
                                             {"messages_half_page_down", "session.half.page.down"},
                                             {"messages_first", "session.first"},
                                             {"messages_last", "session.last"},
                                             {"agent_cycle", "agent.cycle"},
                                             {"session_list", "session.list"}}};
constexpr std::array<std::string_view, 4> kVariants{"info", "success", "warning", "error"};

std::optional<net::Response> missing_text(const wire::Json& body, std::string_view name, Where where = Where::payload) {
  const wire::Json* value = wire::value_at(body, name);
  if (!value) return bad_request(fmt::format("Missing key\n  at [{}]", wire::quoted(name)), where);
  if (!value->is_string()) {
    return bad_request(fmt::format("Expected string, got {}\n  at [{}]", wire::to_text(*value), wire::quoted(name)),
                       where);
  }
  return std::nullopt;
}

std::string command_json(std::string_view command) { return fmt::format(R"({{"command":{}}})", wire::quoted(command)); }

struct TuiRoutes {
  Services& services;

  Task<net::Response> publish_event(const net::Request& request, std::string type, std::string properties) const {
    std::filesystem::path directory = requested_directory(request, services.directory);
    const std::string name = directory.string();
    const auto instance = co_await services.engine.instances.open(std::move(directory));
    services.engine.feed.publish(feed::Notice{.directory = name,
                                              .project_id = instance->location.project.id,
                                              .type = std::move(type),
                                              .properties = std::move(properties)});
    co_return json("true");
  }

  static Result<wire::Json> body_of(const Call& call) {
    TRY(wire::Json body, wire::parse(call.request.body));
    if (!body.is_object()) return fail(ErrorCode::invalid, "Expected object");
    return body;
  }

  // Checks the properties of an event that clients may publish; an answer when they are wrong.
  std::optional<net::Response> wrong(std::string_view type, const wire::Json& properties) const {
    if (type == "tui.prompt.append") return missing_text(properties, "text");
    if (type == "tui.command.execute") return missing_text(properties, "command");
    if (type == "tui.toast.show") {
      if (auto response = missing_text(properties, "message")) return response;
      if (auto response = missing_text(properties, "variant")) return response;
      if (std::ranges::find(kVariants, wire::string_at(properties, "variant")) == kVariants.end()) {
        return bad_request(R"(Expected "info" | "success" | "warning" | "error")"
                           "\n  at [\"variant\"]",
                           Where::payload);
      }
      return std::nullopt;
    }
    if (type == "tui.session.select") {
      if (auto response = missing_text(properties, "sessionID")) return response;
      const SessionId id{wire::string_at(properties, "sessionID")};
      if (!has_prefix(id)) {
        return bad_request("Expected a string starting with \"ses\"\n  at [\"sessionID\"]", Where::payload);
      }
      const auto known = services.engine.query.session_json(id);
      if (!known) return error_response(known.error());
      return std::nullopt;
    }
    return bad_request(
        R"(Expected "tui.prompt.append" | "tui.command.execute" | "tui.toast.show" | "tui.session.select")"
        "\n  at [\"type\"]",
        Where::payload);
  }

  Task<net::Response> checked(Call call, std::string type) const {
    const auto body = body_of(call);
    if (!body) co_return error_response(body.error());
    if (auto response = wrong(type, *body)) co_return std::move(*response);
    co_return co_await publish_event(call.request, std::move(type), wire::to_text(*body));
  }

  Task<net::Response> append_prompt(Call call) const { return checked(std::move(call), "tui.prompt.append"); }
  Task<net::Response> show_toast(Call call) const { return checked(std::move(call), "tui.toast.show"); }
  Task<net::Response> select_session(Call call) const { return checked(std::move(call), "tui.session.select"); }

  Task<net::Response> execute_command(Call call) const {
    const auto body = body_of(call);
    if (!body) co_return error_response(body.error());
    if (auto response = missing_text(*body, "command")) co_return std::move(*response);
    const std::string given = wire::string_at(*body, "command");
    const auto known = std::ranges::find(kCommands, given, &Command::first);
    std::string properties = command_json(known == kCommands.end() ? std::string_view(given) : known->second);
    co_return co_await publish_event(call.request, "tui.command.execute", std::move(properties));
  }

  Task<net::Response> publish(Call call) const {
    const auto body = body_of(call);
    if (!body) co_return error_response(body.error());
    if (auto response = missing_text(*body, "type")) co_return std::move(*response);
    const wire::Json* properties = wire::value_at(*body, "properties");
    if (!properties || !properties->is_object())
      co_return bad_request("Missing key\n  at [\"properties\"]", Where::payload);
    std::string type = wire::string_at(*body, "type");
    if (auto response = wrong(type, *properties)) co_return std::move(*response);
    co_return co_await publish_event(call.request, std::move(type), wire::to_text(*properties));
  }
};

}  // namespace

std::vector<Route> tui_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (TuiRoutes::*handler)(Call) const) {
    return [routes = TuiRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  // A command without a body.
  const auto does = [&services](std::string_view command) {
    return [routes = TuiRoutes{services}, command](Call call) -> Task<net::Response> {
      return [](TuiRoutes tui, Call request, std::string_view name) -> Task<net::Response> {
        co_return co_await tui.publish_event(request.request, "tui.command.execute", command_json(name));
      }(routes, std::move(call), command);
    };
  };
  using R = TuiRoutes;
  return {
      {"POST", "/tui/append-prompt", "tui.appendPrompt", "Add text to the prompt", bind(&R::append_prompt), "Boolean",
       "TuiText"},
      {"POST", "/tui/show-toast", "tui.showToast", "Show a short message", bind(&R::show_toast), "Boolean", "TuiToast"},
      {"POST", "/tui/select-session", "tui.selectSession", "Go to a session", bind(&R::select_session), "Boolean",
       "TuiSession"},
      {"POST", "/tui/execute-command", "tui.executeCommand", "Run a command of the interface",
       bind(&R::execute_command), "Boolean", "TuiCommand"},
      {"POST", "/tui/publish", "tui.publish", "Send one of these events as it is", bind(&R::publish), "Boolean",
       "Object"},
      {"POST", "/tui/open-help", "tui.openHelp", "Open the help", does("help.show"), "Boolean"},
      {"POST", "/tui/open-sessions", "tui.openSessions", "Open the session list", does("session.list"), "Boolean"},
      {"POST", "/tui/open-themes", "tui.openThemes", "Open the theme list", does("theme.switch"), "Boolean"},
      {"POST", "/tui/open-models", "tui.openModels", "Open the model list", does("model.list"), "Boolean"},
      {"POST", "/tui/submit-prompt", "tui.submitPrompt", "Send the prompt", does("prompt.submit"), "Boolean"},
      {"POST", "/tui/clear-prompt", "tui.clearPrompt", "Empty the prompt", does("prompt.clear"), "Boolean"},
  };
}

}  // namespace quarterdeck::api::opencode
