// What a child session knows about the task it works on, kept in its metadata under "quarterdeck": limits, and whom to
// tell when it has ended. Pure.
#pragma once

#include <optional>

#include "domain/session.hpp"

namespace quarterdeck::session {

struct BackgroundTask {
  SessionId parent;
  MessageId prompt;       // of the child: the task has ended when this is answered
  std::string description;
  std::optional<MessageId> delivery;  // of the parent: the prompt that tells it, once that has begun
  bool operator==(const BackgroundTask&) const = default;
};

struct TaskRecord {
  std::optional<MessageId> prompt;      // that these limits are for
  std::optional<TimeMs> deadline;       // when the child is stopped
  std::optional<int> steps;             // of one turn
  std::optional<std::int64_t> tokens;   // of the session, all turns
  std::optional<BackgroundTask> background;
  bool operator==(const TaskRecord&) const = default;
};

TaskRecord task_record(const std::optional<domain::JsonText>& metadata);
// The metadata with this record in place of another; other members stay.
domain::JsonText with_task_record(const std::optional<domain::JsonText>& metadata, const TaskRecord& record);

std::int64_t tokens_used(const domain::Session& session);

}  // namespace quarterdeck::session
