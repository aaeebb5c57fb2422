// What the event stream says about sessions, as values. Everything else on the stream (heartbeats, catalogues, terminals)
// reads as nothing, and so does what we cannot read: a newer server may say more than we know.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/id.hpp"
#include "domain/event.hpp"

namespace quarterdeck::app {

// An agent wants an answer from a person; this command line has none to give.
struct QuestionAsked {
  std::string id;
};

struct LiveEvent {
  SessionId session;
  std::variant<domain::SessionCreated, domain::SessionUpdated, domain::SessionDeleted, domain::MessageUpdated,
               domain::PartUpdated, domain::TextDelta, domain::StatusChanged, domain::SessionFailed,
               domain::PermissionAsked, domain::PermissionReplied, QuestionAsked>
      fact;
};

std::optional<LiveEvent> read_live_event(std::string_view json);

}  // namespace quarterdeck::app
