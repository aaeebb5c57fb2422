#include "tools/todowrite/todowrite.hpp"

#include "tools/arguments.hpp"
#include "wire/describe/session.hpp"

namespace quarterdeck::tools {

static void describe(ArgumentReader& io, domain::Todo& todo) { wire::describe(io, todo); }

namespace {

constexpr std::string_view kDescription =
    R"(Keeps a list of the steps of your current work, visible to the person you work for. Each call replaces the whole list.

Use it when a task has three or more steps, or when you are given several things at once; leave it out for a single simple step and for questions. Write the list before you start, keep exactly one entry "in_progress" while you work on it, and mark an entry "completed" as soon as it is really done: built, tested, no errors left. Add what you discover on the way, and set what is no longer needed to "cancelled".)";

constexpr std::string_view kParameters =
    R"({"type":"object","properties":{"todos":{"type":"array","items":{"type":"object","properties":{"content":{"type":"string","description":"What is to be done, in a few words"},"status":{"type":"string","description":"One of: pending, in_progress, completed, cancelled"},"priority":{"type":"string","description":"One of: high, medium, low"}},"required":["content","status","priority"]},"description":"The whole new list"}},"required":["todos"]})";

struct Arguments {
  std::vector<domain::Todo> todos;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("todos", arguments.todos);
}

// As JSON.stringify(todos, null, 2) prints it.
std::string pretty(const std::vector<domain::Todo>& todos) {
  if (todos.empty()) return "[]";
  std::string out = "[";
  for (const auto& todo : todos) {
    out += out.size() > 1 ? ",\n  {\n" : "\n  {\n";
    out += fmt::format("    \"content\": {},\n    \"status\": {},\n    \"priority\": {}\n  }}",
                       wire::quoted(todo.content), wire::quoted(todo.status), wire::quoted(todo.priority));
  }
  return out + "\n]";
}

class TodoWrite final : public Tool {
 public:
  std::string_view name() const override { return "todowrite"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }
  bool idempotent() const override { return true; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(std::move(arguments.error()));
    PermissionAsk ask{.permission = "todowrite", .patterns = {"*"}, .always = {"*"}};
    const auto allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());

    const auto& todos = arguments->todos;
    const auto open = std::ranges::count_if(todos, [](const auto& todo) { return todo.status != "completed"; });
    const auto stored = co_await context.host.set_todos(todos);
    if (!stored) co_return failed(stored.error().message);
    co_return ToolOutput{.title = fmt::format("{} todos", open),
                         .output = pretty(todos),
                         .metadata = wire::encode_json_text(*arguments)};
  }
};

}  // namespace

std::unique_ptr<Tool> make_todowrite() { return std::make_unique<TodoWrite>(); }

}  // namespace quarterdeck::tools
