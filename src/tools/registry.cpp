#include "tools/tool.hpp"

#include "tools/json_problem.hpp"
#include "tools/truncate.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::tools {
namespace {

struct InvalidInput {
  std::string tool;
  std::string error;
};
template <class Io>
void describe(Io& io, InvalidInput& input) {
  io.field("tool", input.tool);
  io.field("error", input.error);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

domain::JsonText with_truncation(const domain::JsonText& metadata, const Bounded& bounded) {
  auto parsed = wire::parse(metadata.text);
  wire::JsonObject object = parsed && parsed->is_object() ? std::move(parsed->get_object()) : wire::JsonObject();
  if (bounded.file) {
    object["truncated"] = true;
    object["outputPath"] = bounded.file->string();
  } else {
    object["truncated"] = false;
  }
  return wire::to_json_text(object);
}

// A tool that tells "truncated" itself has bounded its own output.
bool bounds_itself(const domain::JsonText& metadata) {
  const auto parsed = wire::parse(metadata.text);
  return parsed && wire::value_at(*parsed, "truncated") != nullptr;
}

}  // namespace

Task<std::expected<domain::Answers, ToolFailure>> ToolHost::ask_questions(std::vector<domain::Question>) {
  co_return std::unexpected(ToolFailure{.message = "There is nobody to ask here."});
}

Task<ToolResult> ToolHost::delegate(Delegation) {
  co_return std::unexpected(ToolFailure{.message = "There are no subagents here."});
}

Registry::Registry(std::vector<std::shared_ptr<Tool>> tools) : tools_(std::move(tools)) {
  std::ranges::sort(tools_, {}, [](const auto& tool) { return tool->name(); });
}

Registry Registry::plus(const std::vector<std::shared_ptr<Tool>>& more) const {
  std::vector<std::shared_ptr<Tool>> all = tools_;
  std::ranges::copy_if(more, std::back_inserter(all), [&](const auto& tool) { return find(tool->name()) == nullptr; });
  return Registry(std::move(all));
}

const Tool* Registry::find(std::string_view name) const { return lookup(name); }

Tool* Registry::lookup(std::string_view name) const {
  const auto named = [&](std::string_view wanted) -> Tool* {
    const auto found = std::ranges::find(tools_, wanted, [](const auto& tool) { return tool->name(); });
    return found == tools_.end() ? nullptr : found->get();
  };
  if (Tool* tool = named(name)) return tool;
  return named(lower(name));  // models write "Bash"
}

std::optional<domain::JsonText> Registry::rewrite_invalid(std::string_view name, std::string_view arguments,
                                                          const std::vector<std::string>& offered) const {
  const Tool* tool = find(name);
  if (tool && !offered.empty() && tool->name() != "invalid" &&
      std::ranges::find(offered, tool->name()) == offered.end()) {
    tool = nullptr;
  }
  if (tool == nullptr) {
    std::vector<std::string> names = offered;
    if (names.empty()) {
      for (const auto& known : tools_) names.emplace_back(known->name());
    } else if (std::ranges::find(names, "invalid") == names.end()) {
      names.emplace_back("invalid");
    }
    std::ranges::sort(names);
    const auto error =
        fmt::format("Model tried to call unavailable tool '{}'. Available tools: {}.", name, fmt::join(names, ", "));
    return wire::encode_json_text(InvalidInput{std::string(name), error});
  }
  if (arguments.empty() || wire::parse(arguments)) return std::nullopt;
  const auto error = fmt::format("Invalid input for tool {}: JSON parsing failed: Text: {}.\nError message: {}",
                                 tool->name(), arguments, json_problem(arguments));
  return wire::encode_json_text(InvalidInput{std::string(tool->name()), error});
}

Task<ToolResult> Registry::run(std::string name, domain::JsonText input, ToolContext& context) const {
  if (auto rewritten = rewrite_invalid(name, input.text)) {
    name = "invalid";
    input = std::move(*rewritten);
  }
  Tool* tool = lookup(name);
  if (tool == nullptr) co_return std::unexpected(ToolFailure{.message = fmt::format("There is no tool '{}'.", name)});
  ToolResult result = co_await tool->run(std::move(input), context);
  if (!result || tool->bounded() || bounds_itself(result->metadata)) co_return result;
  Bounded bounded = co_await bound_output(std::move(result->output), context);
  result->metadata = with_truncation(result->metadata, bounded);
  result->output = std::move(bounded.output);
  co_return result;
}

}  // namespace quarterdeck::tools
