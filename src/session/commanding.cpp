// Host: slash commands become prompts.
#include "config/trust.hpp"
#include "mcp/servers.hpp"
#include "session/commands.hpp"
#include "session/host.hpp"
#include "session/mentions.hpp"

namespace quarterdeck::session {

using namespace domain;

namespace {

constexpr std::int64_t kShellTimeoutMs = 60'000;
constexpr std::size_t kShellOutputBytesMax = 256 * 1024;
constexpr std::size_t kShellPlacesMax = 50;

std::string names_of(const std::vector<CommandInfo>& commands) {
  std::string names;
  for (const CommandInfo& each : commands) names += (names.empty() ? "" : ", ") + each.name;
  return names;
}

}  // namespace

// Each command's output in its place; the commands run one after the other, in the session's directory.
Task<Result<std::string>> Host::with_shell_output(std::string text, std::shared_ptr<Instance> instance, SessionId owner,
                                                  bool from_project) {
  const std::vector<ShellPlace> places = shell_places(text);
  if (places.empty()) co_return text;
  const auto directory = instance->location.directory;
  if (from_project) {
    const Places& known = engine_.places;
    auto look = [known, directory] { return config::is_trusted(known, directory); };
    const bool trusted = co_await blocking(engine_.loop, engine_.pool, look);
    if (!trusted) {
      co_return fail(ErrorCode::denied, "The command comes from the project and would run `{}`. {}",
                     places.front().command, config::how_to_trust(directory));
    }
  }
  if (places.size() > kShellPlacesMax) co_return fail(ErrorCode::invalid, "More than {} commands", kShellPlacesMax);
  std::string out;
  std::size_t from = 0;
  for (const ShellPlace& place : places) {
    out += text.substr(from, place.at - from);
    from = place.at + place.length;
    process::Spawn spawn{.argv = {instance->config.shell.value_or("bash"), "-c", place.command},
                         .directory = directory,
                         .environment = process::tool_environment(),
                         .owner = owner.value,
                         .timeout_ms = kShellTimeoutMs,
                         .merge_stderr = false};
    auto ran = co_await process::collect(engine_.processes, std::move(spawn), kShellOutputBytesMax, engine_.shutdown);
    // What it says when it fails is output too: the model reads it.
    out += ran ? ran->output : ran.error().message;
  }
  co_return out + text.substr(from);
}

Task<Result<MessageId>> Host::command(SessionId id, RunCommand command) {
  CO_TRY(std::shared_ptr<Actor> found, actor(id));
  const Session session = found->state().session;
  const std::shared_ptr<Instance> instance = co_await engine_.instances.open(session.directory);
  if (instance->mcp) co_await instance->mcp->settled(engine_.shutdown);
  const std::vector<CommandInfo> commands = commands_of(*instance);
  const CommandInfo* known = find_command(commands, command.command);
  const auto refuse = [&](std::string message) {
    found->record(SessionFailed{{.name = "UnknownError", .message = message}});
    release(found);
    return std::unexpected(Error{ErrorCode::invalid, std::move(message), {}});
  };
  if (!known) {
    co_return refuse(
        fmt::format("Command not found: \"{}\". Available commands: {}", command.command, names_of(commands)));
  }
  const std::string agent_name =
      known->agent.value_or(command.agent.value_or(instance->agents.empty() ? "" : instance->agents.front().name));
  const Agent* agent = instance->find_agent(agent_name);
  if (!agent) {
    std::string names;
    for (const Agent& each : instance->agents) {
      if (!each.hidden) names += (names.empty() ? "" : ", ") + each.name;
    }
    co_return refuse(fmt::format("Agent not found: \"{}\". Available agents: {}", agent_name, names));
  }
  std::string text;
  if (known->prompt) {
    // What a server says is not expanded: no commands, no files.
    auto said = co_await instance->mcp->prompt(known->prompt->server, known->prompt->name,
                                               named_arguments(*known->prompt, command.arguments));
    if (!said) co_return refuse(said.error().message);
    text = std::move(*said);
    found.reset();
  } else {
    found.reset();
    CO_TRY(text, co_await with_shell_output(expand(known->text, command.arguments), instance, id, known->from_project));
  }
  text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  text.erase(text.find_last_not_of(" \t\r\n") + 1);

  // The command's own model, its agent's, the one that was asked for, the session's.
  std::optional<ModelRef> asked = command.model;
  if (asked && command.variant) asked->variant = command.variant;
  std::optional<ModelRef> model = known->model;
  if (!model && known->agent) model = agent->model;
  if (!model) model = asked;

  const bool subtask = (agent->mode == "subagent" && known->subtask.value_or(true)) || known->subtask.value_or(false);
  Prompt prompt{.message_id = command.message_id};
  if (subtask) {
    prompt.agent = command.agent;
    prompt.model = asked;
    if (!model) model = session.model ? session.model : instance->default_model;
    SubtaskPart part{.prompt = text,
                     .description = known->description,
                     .agent = agent->name,
                     .model = model,
                     .command = command.command};
    if (part.model) part.model->variant.reset();
    prompt.parts.push_back({.id = {}, .content = std::move(part)});
  } else {
    prompt.agent = agent->name;
    prompt.model = model;
    const auto worktree = instance->location.worktree;
    const auto home = engine_.places.home;
    const std::vector<Agent> agents = instance->agents;
    const std::string mentioning = known->prompt ? command.arguments : text;
    auto split = [mentioning, worktree, home, agents] { return parts_of_text(mentioning, worktree, home, agents); };
    prompt.parts = co_await blocking(engine_.loop, engine_.pool, split);
    if (known->prompt) {
      std::erase_if(prompt.parts,
                    [](const PromptPart& part) { return std::holds_alternative<TextPart>(part.content); });
      prompt.parts.insert(prompt.parts.begin(), PromptPart{.id = {}, .content = TextPart{.text = text}});
    }
    for (PromptPart& part : command.parts) {
      const auto* given = std::get_if<FilePart>(&part.content);
      std::erase_if(prompt.parts, [&](const PromptPart& own) {
        const auto* file = std::get_if<FilePart>(&own.content);
        return file && given && file->url == given->url;
      });
      prompt.parts.push_back(std::move(part));
    }
  }
  co_return co_await this->prompt(id, std::move(prompt));
}

}  // namespace quarterdeck::session
