// One conversation of an agent with its own context, messages, cost and directory. OpenCode's session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/json_text.hpp"
#include "domain/model.hpp"
#include "domain/permission.hpp"

namespace quarterdeck::domain {

// Lines changed by the session, over all files.
struct DiffSummary {
  int additions = 0;
  int deletions = 0;
  int files = 0;
  bool operator==(const DiffSummary&) const = default;
};

// Where the conversation was taken back to. What lies behind is still there, until the next prompt removes it.
struct Revert {
  MessageId message_id;
  std::optional<PartId> part_id;
  std::optional<std::string> snapshot;  // the worktree before; absent where there are no snapshots
  std::optional<std::string> diff;      // what it did to the files; absent while it is doing it
  bool operator==(const Revert&) const = default;
};

struct Session {
  SessionId id;
  std::string slug;  // "calm-tiger": for people
  std::string project_id;
  std::string directory;  // absolute; where the tools run
  std::string path;       // `directory` relative to the project's worktree; "" at its root
  std::optional<SessionId> parent_id;
  std::string title;
  std::string version;  // of the server that made it
  std::optional<DiffSummary> summary;
  double cost = 0;  // US dollars, all steps
  Tokens tokens;    // all steps
  std::optional<std::string> agent;
  std::optional<ModelRef> model;
  std::optional<JsonText> metadata;
  std::optional<Ruleset> permission;
  std::optional<Revert> revert;
  TimeMs created = 0;
  TimeMs updated = 0;
  std::optional<TimeMs> archived;
  bool operator==(const Session&) const = default;
};

// What a session is doing, as clients show it.
struct Status {
  enum class Type { idle, busy, retry };
  Type type = Type::idle;
  int attempt = 0;      // retry only
  std::string message;  // retry only: why
  TimeMs next = 0;      // retry only: when it goes on
  bool operator==(const Status&) const = default;
};

struct Todo {
  std::string content;
  std::string status;    // pending | in_progress | completed | cancelled
  std::string priority;  // high | medium | low
  bool operator==(const Todo&) const = default;
};

}  // namespace quarterdeck::domain
