// What is wrong with a text that should be JSON, in the words of the engine under OpenCode (JavaScriptCore), which
// models have learnt to read. Approximate on purpose: only the kind of mistake matters.
#pragma once

#include <string>
#include <string_view>

namespace quarterdeck::tools {

// "JSON Parse error: Expected '}'". Call it with text that does not parse.
std::string json_problem(std::string_view text);

}  // namespace quarterdeck::tools
