#include "session/structured_output.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/arguments.hpp"
#include "wire/json.hpp"
#include "wire/json_schema.hpp"

namespace quarterdeck::session {

using namespace domain;

const std::string_view kStructuredOutputWanted =
    "IMPORTANT: The user asked for structured output. Give your final answer by calling the tool StructuredOutput, in "
    "the form of its parameters, and not as text.";
const std::string_view kStructuredOutputMissing =
    "<system-reminder>\nYou answered in text. The user needs the answer as a call of the tool StructuredOutput: call "
    "it "
    "now, with your whole answer.\n</system-reminder>";

namespace {

constexpr int kRetriesMax = 10;

constexpr std::string_view kDescription =
    R"text(Gives your final answer in the form that the user asked for.

- Call it exactly once, when everything else is done: nothing that you do after it counts.
- Its arguments are the answer. They must fit the schema.
- Do not repeat the answer as text.)text";

class StructuredOutput final : public tools::Tool {
 public:
  explicit StructuredOutput(wire::Json schema) : schema_(std::move(schema)) {
    wire::JsonObject parameters = schema_.is_object() ? schema_.get_object() : wire::JsonObject();
    parameters.erase("$schema");
    if (!parameters.contains("type")) parameters["type"] = "object";
    parameters_ = wire::to_text(parameters);
  }
  std::string_view name() const override { return kStructuredOutput; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return parameters_; }
  bool idempotent() const override { return true; }
  bool bounded() const override { return true; }

  Task<tools::ToolResult> run(JsonText input, tools::ToolContext&) override {
    const auto value = wire::parse(input.text);
    if (!value) co_return tools::failed(value.error().message);
    if (const auto problem = wire::schema_violation(schema_, *value)) {
      co_return tools::failed(fmt::format("The answer does not fit its schema. {}. Correct it and call {} again.",
                                          *problem, kStructuredOutput));
    }
    co_return tools::ToolOutput{.title = "Structured Output",
                                .output = "Structured output captured successfully.",
                                .metadata = {R"({"valid":true})"}};
  }

 private:
  wire::Json schema_;
  std::string parameters_;
};

const ToolPart* call_in(const Part& part) {
  const auto* call = std::get_if<ToolPart>(&part.content);
  return call && call->tool == kStructuredOutput ? call : nullptr;
}

}  // namespace

std::optional<OutputFormat> output_format(const std::optional<JsonText>& format) {
  if (!format) return std::nullopt;
  const auto parsed = wire::parse(format->text);
  if (!parsed || wire::string_at(*parsed, "type") != "json_schema") return std::nullopt;
  const wire::Json* schema = wire::value_at(*parsed, "schema");
  if (!schema) return std::nullopt;
  OutputFormat out{.schema = wire::to_json_text(*schema)};
  out.retries =
      static_cast<int>(std::clamp<std::int64_t>(wire::int_at(*parsed, "retryCount", out.retries), 0, kRetriesMax));
  return out;
}

std::shared_ptr<tools::Tool> structured_output_tool(const JsonText& schema) {
  auto parsed = wire::parse(schema.text);
  return std::make_shared<StructuredOutput>(parsed ? std::move(*parsed) : wire::Json(wire::JsonObject()));
}

std::optional<JsonText> structured_output_of(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    const ToolPart* call = call_in(part);
    if (const auto* done = call ? std::get_if<ToolCompleted>(&call->state) : nullptr) return done->input;
  }
  return std::nullopt;
}

bool structured_output_refused(const std::vector<Part>& parts) {
  return std::ranges::any_of(parts, [](const Part& part) {
    const ToolPart* call = call_in(part);
    return call && std::holds_alternative<ToolError>(call->state);
  });
}

}  // namespace quarterdeck::session
