// Slash commands and skills.
#include "api/opencode/location.hpp"
#include "api/opencode/routes.hpp"
#include "api/session_check.hpp"
#include "mcp/servers.hpp"
#include "session/commands.hpp"
#include "store/query.hpp"
#include "wire/json.hpp"
#include "wire/message.hpp"
#include "wire/session.hpp"

namespace quarterdeck::api::opencode {
namespace {

constexpr std::int64_t kOpencodeRunDrainMs = 150;  // as for prompts: `opencode run` leaves when it is answered

wire::JsonObject command_json(const session::CommandInfo& command) {
  wire::JsonObject out{{"name", command.name}, {"source", command.source}, {"template", command.text}};
  if (!command.description.empty()) out["description"] = command.description;
  if (command.agent) out["agent"] = *command.agent;
  if (command.model) out["model"] = fmt::format("{}/{}", command.model->provider_id, command.model->model_id);
  if (command.subtask) out["subtask"] = *command.subtask;
  wire::JsonArray hints;
  for (const std::string& hint : command.hints) hints.push_back(wire::Json(hint));
  out["hints"] = std::move(hints);
  return out;
}

wire::JsonObject command_json_second(const session::CommandInfo& command) {
  wire::JsonObject out{{"name", command.name}, {"template", command.text}};
  if (!command.description.empty()) out["description"] = command.description;
  if (command.agent) out["agent"] = *command.agent;
  if (command.model) {
    out["model"] = wire::JsonObject{{"id", command.model->model_id}, {"providerID", command.model->provider_id}};
  }
  if (command.subtask) out["subtask"] = *command.subtask;
  return out;
}

wire::JsonArray skills_json(const session::Instance& instance) {
  wire::JsonArray out;
  for (const workspace::Skill& skill : instance.skills) {
    wire::JsonObject one{{"name", skill.name}, {"location", skill.location.string()}, {"content", skill.content}};
    if (!skill.description.empty()) one["description"] = skill.description;
    out.push_back(std::move(one));
  }
  return out;
}

struct CommandRoutes {
  Services& services;

  Task<std::shared_ptr<session::Instance>> instance(Call call) const {
    std::filesystem::path directory = requested_directory(call.request, services.directory);
    co_return co_await services.engine.instances.open(std::move(directory));
  }

  Task<net::Response> list(Call call) const {
    const auto found = co_await instance(std::move(call));
    if (found->mcp) co_await found->mcp->settled();
    wire::JsonArray out;
    for (const auto& command : session::commands_of(*found)) out.push_back(command_json(command));
    co_return json(wire::to_text(out));
  }
  Task<net::Response> list_second(Call call) const {
    const auto found = co_await instance(std::move(call));
    if (found->mcp) co_await found->mcp->settled();
    wire::JsonArray out;
    for (const auto& command : session::commands_of(*found)) out.push_back(command_json_second(command));
    co_return json(located(found->location, wire::to_text(out)));
  }
  Task<net::Response> skills(Call call) const {
    const auto found = co_await instance(std::move(call));
    co_return json(wire::to_text(skills_json(*found)));
  }
  Task<net::Response> skills_second(Call call) const {
    const auto found = co_await instance(std::move(call));
    co_return json(located(found->location, wire::to_text(skills_json(*found))));
  }

  Task<Result<MessageId>> execute(SessionId id, domain::RunCommand command) const {
    const std::string name = command.command;
    const std::string arguments = command.arguments;
    CO_TRY(const MessageId prompt, co_await services.host.command(id, std::move(command)));
    CO_TRY(const MessageId answer, co_await services.host.answer(id, prompt));
    CO_TRY(const domain::Session session, services.engine.query.session(id));
    services.engine.feed.publish(feed::DeltaEnvelope{
        .session = id,
        .directory = session.directory,
        .project_id = session.project_id,
        .delta = domain::CommandExecuted{.name = name, .arguments = arguments, .message_id = answer}});
    co_return answer;
  }

  Task<net::Response> run(Call call) const {
    const SessionId id{call.param("sessionID")};
    auto command = wire::decode_run_command(call.request.body);
    if (!command) {
      if (call.request.body.empty()) co_return bad_request("Expected object, got undefined", Where::payload);
      co_return error_response(command.error());
    }
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    const bool drains = is_opencode_cli(call.request);
    const auto answer = co_await execute(id, std::move(*command));
    if (!answer) {
      if (services.engine.shutting_down()) {
        co_return error_response(
            {ErrorCode::unavailable, "The server is stopping; the command is stored and goes on when it is back", {}});
      }
      // An unknown command, agent or model is the server's error in OpenCode, and clients know it as that.
      co_return answer.error().code == ErrorCode::invalid ? internal_error(answer.error().message)
                                                          : error_response(answer.error());
    }
    if (drains) co_await sleep_ms(services.engine.loop, kOpencodeRunDrainMs, services.engine.shutdown);
    auto text = services.engine.query.message_json(id, *answer);
    if (!text) co_return error_response(text.error());
    co_return json(std::move(*text));
  }

  // The older way to /init.
  Task<net::Response> init(Call call) const {
    const SessionId id{call.param("sessionID")};
    const auto body = wire::parse(call.request.body);
    if (!body) co_return error_response(body.error());
    for (const char* name : {"modelID", "providerID", "messageID"}) {
      if (wire::string_at(*body, name).empty()) {
        co_return bad_request(fmt::format("Missing key\n  at [\"{}\"]", name), Where::payload);
      }
    }
    if (auto response = no_session(services.engine.query, id)) co_return std::move(*response);
    domain::RunCommand command{.command = "init", .arguments = ""};
    command.model = domain::ModelRef{wire::string_at(*body, "providerID"), wire::string_at(*body, "modelID"), {}};
    command.message_id = MessageId{wire::string_at(*body, "messageID")};
    const auto answer = co_await execute(id, std::move(command));
    if (!answer) {
      co_return answer.error().code == ErrorCode::invalid ? internal_error(answer.error().message)
                                                          : error_response(answer.error());
    }
    co_return json("true");
  }
};

}  // namespace

std::vector<Route> command_routes(Services& services) {
  const auto bind = [&services](Task<net::Response> (CommandRoutes::*handler)(Call) const) {
    return [routes = CommandRoutes{services}, handler](Call call) { return (routes.*handler)(std::move(call)); };
  };
  using R = CommandRoutes;
  const std::vector<Query> directory{{"directory", "Working directory; x-opencode-directory says the same"}};
  return {
      {"GET", "/command", "command.list", "Slash commands", bind(&R::list), "ObjectList", "", directory},
      {"GET", "/skill", "app.skills", "Skills", bind(&R::skills), "ObjectList", "", directory},
      {"GET", "/api/command", "v2.command.list", "Slash commands", bind(&R::list_second), "LocatedList", "", directory},
      {"GET", "/api/skill", "v2.skill.list", "Skills", bind(&R::skills_second), "LocatedList", "", directory},
      {"POST", "/session/:sessionID/command", "session.command", "Run a slash command and wait for the answer",
       bind(&R::run), "MessageWithParts", "Object"},
      {"POST", "/session/:sessionID/init", "session.init", "Write AGENTS.md: the command init", bind(&R::init),
       "Boolean", "Object"},
  };
}

}  // namespace quarterdeck::api::opencode
