#include "tools/invalid/invalid.hpp"

#include "tools/arguments.hpp"

namespace quarterdeck::tools {
namespace {

struct Arguments {
  std::string tool;
  std::string error;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("tool", arguments.tool);
  io.field("error", arguments.error);
}

class Invalid final : public Tool {
 public:
  std::string_view name() const override { return "invalid"; }
  std::string_view description() const override { return "Answers a call that could not be understood. Do not use."; }
  std::string_view parameters() const override {
    return R"({"type":"object","properties":{"tool":{"type":"string"},"error":{"type":"string"}},"required":["tool","error"]})";
  }
  bool idempotent() const override { return true; }
  Task<ToolResult> run(domain::JsonText input, ToolContext&) override {
    auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(std::move(arguments.error()));
    co_return ToolOutput{.title = "Invalid Tool",
                         .output = "The arguments provided to the tool are invalid: " + arguments->error};
  }
};

}  // namespace

std::unique_ptr<Tool> make_invalid() { return std::make_unique<Invalid>(); }

}  // namespace quarterdeck::tools
