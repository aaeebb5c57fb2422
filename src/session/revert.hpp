// Taking a conversation back: where it is cut, which steps are undone, and what the next prompt removes. Pure; the
// files are the host's part (reverting.cpp).
#pragma once

#include <optional>
#include <vector>

#include "domain/event.hpp"
#include "domain/message.hpp"
#include "domain/session.hpp"
#include "workspace/snapshot.hpp"

namespace quarterdeck::session {

// A whole message, or a part of one and what follows it. An assistant's message, or a part with nothing said before it,
// stands for the prompt that it answers. Nothing when neither is in the history.
std::optional<domain::Revert> revert_point(const std::vector<domain::MessageWithParts>& history,
                                           const MessageId& message, const std::optional<PartId>& part);

// The steps at and behind the point, newest first.
std::vector<workspace::StepTrees> steps_behind(const std::vector<domain::MessageWithParts>& history,
                                               const domain::Revert& point);
// True for the messages at and behind the point.
bool is_behind(const std::vector<domain::MessageWithParts>& history, const domain::Revert& point,
               const domain::MessageWithParts& message);

// What the next prompt removes.
std::vector<domain::Event> removals(const std::vector<domain::MessageWithParts>& history, const domain::Revert& point);

}  // namespace quarterdeck::session
