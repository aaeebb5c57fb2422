#include "tools/task/task.hpp"

#include "tools/arguments.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::string_view kDescription =
    R"text(Gives a piece of work to another agent, which works on it alone, with a context of its own, and answers with one message.

Do not use it to read a file you know, to find one definition, or to search two or three files: the other tools are faster.

- Several tasks that do not depend on each other go into one step: they run in parallel.
- What you have handed over you do not do yourself. Go on with something else, or wait for the result.
- The agent sees nothing of this conversation. Its prompt holds everything it needs, says whether it may change files or only look, how to check the work, and what exactly to report.
- The person does not see the result: say in your own words what matters of it.
- The output names a task_id. Give it again to go on with the same agent and all it knows; leave it out for a fresh one.
- background=true starts the agent and returns at once; you are told when it has ended. Do not wait for it, ask for it, or work on the same files. Without it the call returns when the agent has ended.)text";

constexpr std::string_view kParameters =
    R"json({"type":"object","properties":{"description":{"type":"string","description":"A short (3-5 words) description of the task"},"prompt":{"type":"string","description":"The task for the agent to perform"},"subagent_type":{"type":"string","description":"The type of specialized agent to use for this task"},"task_id":{"type":"string","description":"This should only be set if you mean to resume a previous task"},"command":{"type":"string","description":"The command that triggered this task"},"background":{"type":"boolean","description":"Run the agent in the background; you are told when it has ended"}},"required":["description","prompt","subagent_type"]})json";

struct Arguments {
  Delegation delegation;
  std::optional<std::string> command;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("description", arguments.delegation.description);
  io.field("prompt", arguments.delegation.prompt);
  io.field("subagent_type", arguments.delegation.agent);
  io.field("task_id", arguments.delegation.task_id);
  io.field("command", arguments.command);
  io.field_or("background", arguments.delegation.background, false);
}

class TaskTool final : public Tool {
 public:
  std::string_view name() const override { return "task"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(std::move(arguments.error()));
    co_return co_await context.host.delegate(std::move(arguments->delegation));
  }
};

}  // namespace

std::unique_ptr<Tool> make_task() { return std::make_unique<TaskTool>(); }

}  // namespace quarterdeck::tools
