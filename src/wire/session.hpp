// Sessions and the commands on them as JSON, in OpenCode's shapes. Decoding errors are `invalid` with OpenCode's text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/command.hpp"
#include "domain/session.hpp"

namespace quarterdeck::wire {

std::string encode_session(const domain::Session& session);
Result<domain::Session> decode_session(std::string_view json);

std::string encode_status(const domain::Status& status);  // {"type":"idle"|"busy"} or {"type":"retry","attempt",…}
Result<domain::Status> decode_status(std::string_view json);

std::string encode_todos(const std::vector<domain::Todo>& todos);
Result<std::vector<domain::Todo>> decode_todos(std::string_view json);

// POST /session. An empty body is an empty request. The directory comes from the request's query or header, not from here.
Result<domain::CreateSession> decode_create_session(std::string_view json);
// PATCH /session/:id. {"time":{"archived":null}} takes a session out of the archive.
Result<domain::UpdateSession> decode_update_session(std::string_view json);
// POST /session/:id/message and /prompt_async. Parts are text, file, agent or subtask. `variant` beside `model` becomes
// the model's.
Result<domain::Prompt> decode_prompt(std::string_view json);
// POST /fleet/session/:id/message: the members of a prompt, `mode`, and `text` in place of parts.
Result<domain::Prompt> decode_fleet_message(std::string_view json);
std::string_view delivery_name(domain::Delivery delivery);
// POST /api/session/:id/prompt.
struct PromptV2 {
  domain::Prompt prompt;
  std::string echo;  // the prompt as the answer repeats it, JSON
};
Result<PromptV2> decode_prompt_v2(std::string_view json);
// POST /session/:id/revert and /summarize.
Result<domain::RevertTo> decode_revert(std::string_view json);
Result<domain::Summarize> decode_summarize(std::string_view json);
// POST /session/:id/shell.
// {"command","arguments",…,"model":"provider/model"}
Result<domain::RunCommand> decode_run_command(std::string_view json);
Result<domain::RunShell> decode_run_shell(std::string_view json);

}  // namespace quarterdeck::wire
