// What ACP's messages mean for the server, and what the client is asked. Pure.
// https://agentclientprotocol.com, protocol version 1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli/client.hpp"

namespace quarterdeck::app {

// The `prompt` of session/prompt. Errors: `invalid`.
Result<std::vector<domain::PromptPart>> acp_parts(const wire::Json& params);

// "/name and what follows" at the beginning of a prompt; files go with it.
std::optional<domain::RunCommand> acp_command(const std::vector<domain::PromptPart>& parts);
// The call that runs it; `prompt` says as whom, and with which message id.
Client::Call acp_command_call(const SessionId& session, const domain::RunCommand& command,
                              const domain::Prompt& prompt);

// The body of POST /mcp for one of `mcpServers`.
std::string acp_mcp_server(const wire::Json& server);

// Parameters of session/request_permission.
std::string acp_permission(const SessionId& session, const domain::PermissionRequest& request);
// Questions with options are asked as permissions are: it is what every client can show. `call` names it.
std::string acp_question(const SessionId& session, std::string_view call, const wire::Json& question);

}  // namespace quarterdeck::app
