// What a session can be told to use, as ACP shows it: agents as modes, models, slash commands. Asked of the server.
#pragma once

#include <optional>
#include <string>

#include "app/cli/client.hpp"

namespace quarterdeck::app {

// The members "modes" and "configOptions" of an answer. `agent` and `model` ("provider/model") as they are; empty: the
// server's own choice.
Task<std::string> acp_options(Client& client, std::string agent, std::string model);

// The update available_commands_update; empty when the server does not say.
Task<std::string> acp_commands(Client& client);
// The command, when the server has one of that name.
Task<std::optional<domain::RunCommand>> acp_known(Client& client, domain::RunCommand command);

}  // namespace quarterdeck::app
