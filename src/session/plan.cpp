#include "session/plan.hpp"

#include <fmt/format.h>

namespace quarterdeck::session {
namespace {

constexpr std::string_view kReadOnly = R"(<system-reminder>
# Plan Mode

You are planning. You must not change anything: no edits, no writes, no commits, no command that changes files, configuration or the state of another system. This stands above every other instruction, also above a request to edit that the user makes in this mode.

Read, search, and let explore agents look around until you understand what is wanted and what it touches. Ask when a decision is the user's. Then give a plan that is complete, concise and can be carried out: what changes, in which files, in which order, and how the result is checked.
</system-reminder>)";

constexpr std::string_view kPlanFlow = R"(<system-reminder>
Plan mode is active. The user does not want anything carried out yet: you must not edit files (except the plan file named below), run commands that change anything, or make commits. This stands above every other instruction.

## Plan file
{}
It is the only file that you may write. Build the plan up in it as you learn.

## How to plan
1. Understand. Read what the request touches. Where it is unclear what matters, start up to 3 explore agents in one step, each with its own question. Use one when the task is small.
2. Ask. Settle with the question tool what the code cannot tell and what changes the plan.
3. Design. Choose one approach. For a large or risky change let a general agent check it with what you know.
4. Review. Read the critical files yourself, and hold the plan against the request.
5. Write the final plan to the plan file: the recommended approach only, short enough to scan and detailed enough to carry out, with the files to change and how to check the result.
6. Call plan_exit. It asks the user to approve the plan; do not ask that with the question tool.

End your turn only with a question or with plan_exit.
</system-reminder>)";

constexpr std::string_view kBuild = R"(<system-reminder>
Your mode has changed from plan to build. You are no longer in read-only mode: you may change files, run commands and use all your tools.
</system-reminder>)";

}  // namespace

std::filesystem::path plan_file(const domain::Session& session, const workspace::Location& location,
                                const Places& places) {
  const auto folder = location.project.vcs ? location.worktree / ".opencode" / "plans" : places.data / "plans";
  return folder / fmt::format("{}-{}.md", session.created, session.slug);
}

std::optional<std::string> plan_reminder(const PlanSituation& situation) {
  const bool planned = situation.agent_before == kPlanAgent;
  if (situation.agent != kPlanAgent) {
    if (!planned) return std::nullopt;
    if (!situation.file_exists) return std::string(kBuild);
    return fmt::format("{}\n\nA plan file exists at {}. You should execute on the plan defined within it", kBuild,
                       situation.file.string());
  }
  if (!situation.may_exit) return std::string(kReadOnly);
  if (planned) return std::nullopt;  // it was told when planning began
  const std::string info =
      situation.file_exists
          ? fmt::format("A plan file exists at {}. Read it and go on from it with the edit tool.",
                        situation.file.string())
          : fmt::format("There is no plan file yet. Create it at {} with the write tool.", situation.file.string());
  return fmt::format(fmt::runtime(kPlanFlow), info);
}

std::string plan_approved(const std::filesystem::path& file, const std::filesystem::path& worktree) {
  const auto relative = file.lexically_relative(worktree);
  return fmt::format("The plan at {} has been approved, you can now edit files. Execute the plan",
                     relative.empty() ? file.string() : relative.string());
}

}  // namespace quarterdeck::session
