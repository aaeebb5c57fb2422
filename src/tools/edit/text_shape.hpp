// Small views of text for tolerant matching. White space is what JavaScript's \s and trim() call so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::tools {

// Bytes of the white space character at the start of `text`, 0 when there is none.
std::size_t space_length(std::string_view text);
std::string_view trim(std::string_view text);
// Runs of white space become one blank; trimmed.
std::string collapse_spaces(std::string_view text);
std::vector<std::string_view> words(std::string_view text);

// Split at line feeds: always at least one piece, carriage returns stay.
std::vector<std::string_view> split_at_line_feeds(std::string_view text);

// 1 = equal, 0 = nothing in common: 1 - Levenshtein distance / longer length, in UTF-16 units.
double similarity(std::string_view left, std::string_view right);
// Length in UTF-16 units.
std::size_t utf16_length(std::string_view text);

}  // namespace quarterdeck::tools
