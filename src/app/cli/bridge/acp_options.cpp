#include "app/cli/bridge/acp_options.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::size_t kModelsMax = 300;
constexpr std::size_t kCommandsMax = 300;

}  // namespace

Task<std::string> acp_options(Client& client, std::string agent, std::string model) {
  std::string modes, mode_options, current = std::move(agent);
  Client::Call agents_call{.path = "/agent"};
  const auto agents = co_await client.call(std::move(agents_call));
  if (agents && agents->is_array()) {
    for (const wire::Json& each : agents->get_array()) {
      const wire::Json* hidden = wire::value_at(each, "hidden");
      if (wire::string_at(each, "mode") == "subagent" || (hidden && hidden->is_bool() && hidden->get_bool())) continue;
      const std::string name = wire::string_at(each, "name");
      if (current.empty()) current = name;
      const std::string said = wire::quoted(wire::string_at(each, "description"));
      modes += fmt::format(R"({}{{"id":{},"name":{},"description":{}}})", modes.empty() ? "" : ",", wire::quoted(name),
                           wire::quoted(name), said);
      mode_options += fmt::format(R"({}{{"value":{},"name":{},"description":{}}})", mode_options.empty() ? "" : ",",
                                  wire::quoted(name), wire::quoted(name), said);
    }
  }
  std::string models;
  std::size_t count = 0;
  Client::Call config_call{.path = "/config"};
  if (const auto config = co_await client.call(std::move(config_call)); config && model.empty()) {
    model = wire::string_at(*config, "model");
  }
  Client::Call providers_call{.path = "/config/providers"};
  const auto providers = co_await client.call(std::move(providers_call));
  if (const auto* all = providers ? wire::array_at(*providers, "providers") : nullptr) {
    for (const wire::Json& provider : *all) {
      const std::string provider_id = wire::string_at(provider, "id");
      if (const auto* known = wire::object_at(provider, "models")) {
        for (const auto& each : *known) {
          if (++count > kModelsMax) break;
          const std::string value = provider_id + "/" + std::string(each.key());
          if (model.empty()) model = value;
          models += fmt::format(R"({}{{"value":{},"name":{}}})", models.empty() ? "" : ",", wire::quoted(value),
                                wire::quoted(wire::string_at(provider, "name") + "/" +
                                             wire::string_at(each.value(), "name", each.key())));
        }
      }
    }
  }
  std::string options;
  if (!models.empty()) {
    options = fmt::format(
        R"({{"id":"model","name":"Model","category":"model","type":"select","currentValue":{},"options":[{}]}})",
        wire::quoted(model), models);
  }
  if (modes.empty()) co_return fmt::format(R"("configOptions":[{}])", options);
  options += fmt::format(
      R"({}{{"id":"mode","name":"Mode","category":"mode","type":"select","currentValue":{},"options":[{}]}})",
      options.empty() ? "" : ",", wire::quoted(current), mode_options);
  co_return fmt::format(R"("modes":{{"currentModeId":{},"availableModes":[{}]}},"configOptions":[{}])",
                        wire::quoted(current), modes, options);
}

Task<std::string> acp_commands(Client& client) {
  Client::Call call{.path = "/command"};
  const auto found = co_await client.call(std::move(call));
  if (!found || !found->is_array()) co_return "";
  wire::JsonArray commands;
  for (const wire::Json& each : found->get_array()) {
    if (commands.size() == kCommandsMax) break;
    wire::JsonObject one{{"name", wire::string_at(each, "name")},
                         {"description", wire::string_at(each, "description")}};
    if (const auto* hints = wire::array_at(each, "hints"); hints && !hints->empty()) {
      std::string hint;
      for (const wire::Json& word : *hints) {
        if (word.is_string()) hint += (hint.empty() ? "" : " ") + std::string(word.get_string());
      }
      one["input"] = wire::JsonObject{{"hint", hint}};
    }
    commands.push_back(std::move(one));
  }
  co_return wire::to_text(
      wire::JsonObject{{"sessionUpdate", "available_commands_update"}, {"availableCommands", std::move(commands)}});
}

Task<std::optional<domain::RunCommand>> acp_known(Client& client, domain::RunCommand command) {
  Client::Call call{.path = "/command"};
  const auto found = co_await client.call(std::move(call));
  if (found && found->is_array()) {
    for (const wire::Json& each : found->get_array()) {
      if (wire::string_at(each, "name") == command.command) co_return command;
    }
  }
  co_return std::nullopt;
}

}  // namespace quarterdeck::app
