// The plan agent's way: it may only read, writes its plan to one file, and hands over to the build agent when a person
// approves (the tool plan_exit).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/paths.hpp"
#include "domain/session.hpp"
#include "workspace/project.hpp"

namespace quarterdeck::session {

inline constexpr std::string_view kPlanAgent = "plan";
inline constexpr std::string_view kBuildAgent = "build";

// <worktree>/.opencode/plans/<created>-<slug>.md; outside a repository below the data directory.
std::filesystem::path plan_file(const domain::Session& session, const workspace::Location& location,
                                const Places& places);

struct PlanSituation {
  std::string_view agent;            // that answers now
  std::string_view agent_before;     // of the answer before; empty when there is none
  bool may_exit = false;             // plan_exit is offered
  const std::filesystem::path& file;
  bool file_exists = false;
};

// What the model is told with the prompt when planning begins, goes on or ends. Pure.
std::optional<std::string> plan_reminder(const PlanSituation& situation);

// What the build agent is told when a plan was approved.
std::string plan_approved(const std::filesystem::path& file, const std::filesystem::path& worktree);

}  // namespace quarterdeck::session
