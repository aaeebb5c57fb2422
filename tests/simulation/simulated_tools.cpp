#include "simulated_tools.hpp"

#include <stdexcept>

#include "tools/invalid/invalid.hpp"
#include "tools/question/question.hpp"
#include "tools/task/task.hpp"
#include "wire/json.hpp"

namespace quarterdeck::simulation {
namespace {

using tools::ToolFailure;
using tools::ToolOutput;
using tools::ToolResult;

ToolResult cancelled() {
  return std::unexpected(ToolFailure{.kind = ToolFailure::Kind::cancelled, .message = "stopped"});
}

struct Asked {
  std::string key;
  std::int64_t ms = 0;
};

Asked decode(const domain::JsonText& input) {
  Asked asked;
  const auto json = wire::parse(input.text);
  if (!json) return asked;
  asked.key = wire::string_at(*json, "key");
  if (const auto* ms = wire::value_at(*json, "ms"); ms && ms->is_int64()) asked.ms = ms->get_int64();
  return asked;
}

class SimulatedTool : public tools::Tool {
 public:
  SimulatedTool(std::string_view name, World& world, const bool& dead) : world_(world), dead_(dead), name_(name) {}
  std::string_view name() const override { return name_; }
  std::string_view description() const override { return "simulated"; }
  std::string_view parameters() const override { return R"({"type":"object"})"; }

 protected:
  World& world_;
  const bool& dead_;  // of the server: what it does after its death does not happen

 private:
  std::string_view name_;
};

// Does something to the world, once, after it was allowed to.
class NoteTool final : public SimulatedTool {
 public:
  using SimulatedTool::SimulatedTool;
  Task<ToolResult> run(domain::JsonText input, tools::ToolContext& context) override {
    const Asked asked = decode(input);
    if (world_.sabotage == Sabotage::effect_before_asking && !dead_) world_.effect(asked.key);
    tools::PermissionAsk ask{.permission = "note", .patterns = {asked.key}, .always = {"*"}};
    const auto allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());
    if (!co_await sleep_ms(context.loop, asked.ms, context.stop)) co_return cancelled();
    if (dead_) co_return cancelled();
    if (world_.sabotage != Sabotage::effect_before_asking) world_.effect(asked.key);
    co_await sleep_ms(context.loop, asked.ms / 2, context.stop);
    co_return ToolOutput{.title = "note", .output = "noted " + asked.key};
  }
};

class WaitTool final : public SimulatedTool {
 public:
  using SimulatedTool::SimulatedTool;
  Task<ToolResult> run(domain::JsonText input, tools::ToolContext& context) override {
    const Asked asked = decode(input);
    for (int i = 0; i < 4; ++i) {
      context.host.progress({}, domain::JsonText{fmt::format(R"({{"output":"{}"}})", i)});
      const std::stop_token stop = world_.sabotage == Sabotage::deaf_tool && !dead_ ? std::stop_token() : context.stop;
      const std::int64_t ms = world_.sabotage == Sabotage::deaf_tool ? asked.ms * 100'000 : asked.ms;
      if (!co_await sleep_ms(context.loop, ms, stop)) co_return cancelled();
    }
    co_return ToolOutput{.title = "wait", .output = "waited"};
  }
};

// Never ends by itself.
class HangTool final : public SimulatedTool {
 public:
  using SimulatedTool::SimulatedTool;
  Task<ToolResult> run(domain::JsonText, tools::ToolContext& context) override {
    context.host.progress("hangs", std::nullopt);
    co_await sleep_ms(context.loop, std::int64_t{1} << 40, context.stop);
    co_return cancelled();
  }
};

class FailTool final : public SimulatedTool {
 public:
  using SimulatedTool::SimulatedTool;
  Task<ToolResult> run(domain::JsonText input, tools::ToolContext& context) override {
    const Asked asked = decode(input);
    if (!co_await sleep_ms(context.loop, asked.ms, context.stop)) co_return cancelled();
    co_return std::unexpected(ToolFailure{.message = "failed " + asked.key});
  }
};

// A mistake of ours inside a tool.
class ThrowTool final : public SimulatedTool {
 public:
  using SimulatedTool::SimulatedTool;
  Task<ToolResult> run(domain::JsonText input, tools::ToolContext& context) override {
    const Asked asked = decode(input);
    co_await sleep_ms(context.loop, asked.ms, context.stop);
    throw std::runtime_error("a mistake in a tool");
  }
};

class TodoTool final : public SimulatedTool {
 public:
  using SimulatedTool::SimulatedTool;
  Task<ToolResult> run(domain::JsonText input, tools::ToolContext& context) override {
    std::vector<domain::Todo> todos{{.content = decode(input).key, .status = "pending", .priority = "low"}};
    const auto stored = co_await context.host.set_todos(std::move(todos));
    if (!stored) co_return std::unexpected(ToolFailure{.message = stored.error().message});
    co_return ToolOutput{.title = "todo", .output = "ok"};
  }
};

// Runs a process. Also under the name "bash", which a user's own commands go to.
class RunTool final : public SimulatedTool {
 public:
  using SimulatedTool::SimulatedTool;
  Task<ToolResult> run(domain::JsonText input, tools::ToolContext& context) override {
    const Asked asked = decode(input);
    process::Spawn spawn{.argv = {"job", std::to_string(asked.ms), asked.ms % 2 == 0 ? "child" : "plain"},
                         .owner = context.session_id.value,
                         .timeout_ms = 120'000,
                         .keep_background = true};
    process::JobEvents events{.started = [&context](std::int64_t pid) { context.host.process_started(pid); }};
    const auto exit = co_await context.processes.run(std::move(spawn), std::move(events), context.stop);
    if (!exit) co_return std::unexpected(ToolFailure{.message = exit.error().message});
    if (exit->cancelled) co_return cancelled();
    co_return ToolOutput{.title = "run", .output = exit->timed_out ? "timed out" : "ran"};
  }
};

}  // namespace

tools::Registry simulated_tools(World& world, const bool& dead) {
  std::vector<std::shared_ptr<tools::Tool>> all;
  all.push_back(std::make_unique<NoteTool>("note", world, dead));
  all.push_back(std::make_unique<WaitTool>("wait", world, dead));
  all.push_back(std::make_unique<HangTool>("hang", world, dead));
  all.push_back(std::make_unique<FailTool>("fail", world, dead));
  all.push_back(std::make_unique<ThrowTool>("throw", world, dead));
  all.push_back(std::make_unique<TodoTool>("todo", world, dead));
  all.push_back(std::make_unique<RunTool>("run", world, dead));
  all.push_back(std::make_unique<RunTool>("bash", world, dead));
  all.push_back(tools::make_question());
  all.push_back(tools::make_task());
  all.push_back(tools::make_invalid());
  return tools::Registry(std::move(all));
}

}  // namespace quarterdeck::simulation
