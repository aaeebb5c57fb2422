// Sessions and messages in the shapes of OpenCode's v2 API (/api/…): one entry a message, its parts inside.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/command.hpp"
#include "domain/message.hpp"
#include "domain/session.hpp"
#include "wire/json.hpp"

namespace quarterdeck::wire {

JsonObject session_v2(const domain::Session& session);
JsonObject revert_v2(const domain::Revert& revert);
// Nothing for a message that v2 does not show: the request for a summary, whose answer is the compaction.
std::optional<JsonObject> message_v2(const domain::MessageWithParts& message);
JsonObject permission_v2(const domain::PermissionRequest& request);

// POST /api/session. The location's directory stays a text here: it may be absent.
struct CreateSessionV2 {
  domain::CreateSession command;
  std::optional<std::string> directory;
};
Result<CreateSessionV2> decode_create_session_v2(std::string_view json);
// POST /api/session/:id/agent and /model.
Result<domain::UpdateSession> decode_switch_agent(std::string_view json);
Result<domain::UpdateSession> decode_switch_model(std::string_view json);
// POST /api/session/:id/revert/stage.
struct StageRevert {
  MessageId message_id;
  bool files = true;  // also what it did to the files
};
Result<StageRevert> decode_stage_revert(std::string_view json);

}  // namespace quarterdeck::wire
