// Finds the place that an edit means and replaces it. Models quote code from memory: when the exact text is not there,
// ever more tolerant ways look for it, in OpenCode's order: lines trimmed, a block between its first and last line,
// white space collapsed, indentation shifted, escapes undone, ends trimmed, a block half of whose lines agree.
// Law: a tolerant match counts only when it is one place, and is no larger than what was asked for.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace quarterdeck::tools {

enum class Occurrences { one, all };

// Errors are sentences for the model.
std::expected<std::string, std::string> replace_text(std::string_view content, std::string_view old_text,
                                                     std::string_view new_text, Occurrences occurrences);

}  // namespace quarterdeck::tools
