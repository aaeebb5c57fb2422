// An answer in a form that a program asked for: a prompt with `format: {type: "json_schema", schema}` is answered by a
// call of the tool StructuredOutput, whose arguments become the message's `structured`.
// Laws: what becomes `structured` fits the schema; a turn that was asked for it ends with it or with an error, after at
//       most `retries` reminders and refused calls.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "domain/message.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::session {

inline constexpr std::string_view kStructuredOutput = "StructuredOutput";

struct OutputFormat {
  domain::JsonText schema;
  int retries = 2;
};

// Nothing when the answer may be any text.
std::optional<OutputFormat> output_format(const std::optional<domain::JsonText>& format);

std::shared_ptr<tools::Tool> structured_output_tool(const domain::JsonText& schema);

// Goes into the system prompt.
extern const std::string_view kStructuredOutputWanted;
// For a model that answered in words.
extern const std::string_view kStructuredOutputMissing;

// The arguments of the call among a step's parts that fitted the schema.
std::optional<domain::JsonText> structured_output_of(const std::vector<domain::Part>& parts);
// A call was made and refused.
bool structured_output_refused(const std::vector<domain::Part>& parts);

}  // namespace quarterdeck::session
