// What the stored steps say about the worktree: each step that may have changed it holds the snapshots from before and
// after. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "domain/message.hpp"
#include "domain/session.hpp"
#include "workspace/snapshot.hpp"

namespace quarterdeck::session {

// Nothing for a step that changed nothing, or whose end is not known.
std::optional<workspace::StepTrees> trees_of(const domain::MessageWithParts& step);

// From before the first to after the last of the steps that `wanted` names.
std::optional<workspace::StepTrees> span_of(const std::vector<domain::MessageWithParts>& history,
                                            const std::function<bool(const domain::MessageWithParts&)>& wanted);

// [{"file","patch","additions","deletions","status"}…]
std::string diffs_json(const std::vector<workspace::FileChange>& changes);
domain::DiffSummary sum_of(const std::vector<workspace::FileChange>& changes);

}  // namespace quarterdeck::session
