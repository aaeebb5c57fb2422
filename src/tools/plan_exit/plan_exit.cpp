#include "tools/plan_exit/plan_exit.hpp"

#include "tools/arguments.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::string_view kDescription =
    R"(Says that the plan is finished and asks the person to approve it. When they do, the build agent carries it out.

Call it when the plan file is complete and your questions are answered. Do not call it before the plan file exists, while something is unclear, or when the person wants to go on planning.)";

class PlanExit final : public Tool {
 public:
  std::string_view name() const override { return "plan_exit"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return R"({"type":"object","properties":{}})"; }

  Task<ToolResult> run(domain::JsonText, ToolContext& context) override {
    if (context.plan_file.empty()) co_return failed("This session has no plan.");
    const auto relative = context.plan_file.lexically_relative(context.worktree);
    std::vector<domain::Question> questions{
        {.question =
             fmt::format("Plan at {} is complete. Would you like to switch to the build agent and start implementing?",
                         relative.empty() ? context.plan_file.string() : relative.string()),
         .header = "Build Agent",
         .options = {{"Yes", "Switch to build agent and start implementing the plan"},
                     {"No", "Stay with plan agent to continue refining the plan"}},
         .multiple = {},
         .custom = false}};
    const auto answers = co_await context.host.ask_questions(std::move(questions));
    if (!answers) co_return std::unexpected(answers.error());
    const bool approved = !answers->empty() && !answers->front().empty() && answers->front().front() != "No";
    if (!approved) {
      co_return std::unexpected(
          ToolFailure{.kind = ToolFailure::Kind::rejected, .message = "The user dismissed this question"});
    }
    // What follows (the next turn, by the build agent) is the session's: it sees that this call is completed.
    co_return ToolOutput{.title = "Switching to build agent",
                         .output = "User approved switching to build agent. Wait for further instructions."};
  }
};

}  // namespace

std::unique_ptr<Tool> make_plan_exit() { return std::make_unique<PlanExit>(); }

}  // namespace quarterdeck::tools
