// Markdown files with YAML front matter, as agents, commands and skills are written:
//
//   ---
//   description: Reviews changes
//   ---
//   You are …
//
// Values that YAML would misread because of a colon ("description: Review: be brief") are taken as text, as OpenCode
// does. Errors: `invalid`: YAML that cannot be understood, or that unfolds to too much.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "wire/json.hpp"

namespace quarterdeck::config {

struct MarkdownDocument {
  wire::JsonObject data;  // empty without front matter
  std::string content;    // trimmed
};

Result<MarkdownDocument> parse_markdown(std::string_view text);

}  // namespace quarterdeck::config
