// The checkpoints of a session's steps (workspace/checkpoints.hpp) and the way back to one of them.
#pragma once

#include <string>
#include <vector>

#include "base/id.hpp"
#include "workspace/snapshot.hpp"

namespace quarterdeck::session {

struct StepChanges {
  workspace::Location location;
  workspace::StepTrees trees;
  SessionId session;
  MessageId message;
  std::vector<std::string> files;
  TimeMs at = 0;
};

// One for what the step left, and before the first step one for what it found. A failure is logged: the step goes on.
Task<void> keep_checkpoints(workspace::Snapshots& snapshots, StepChanges changes);

}  // namespace quarterdeck::session
