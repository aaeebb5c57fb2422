// The search of a machine without ripgrep. Blocking: run it on the pool.
#pragma once

#include <stop_token>

#include "tools/search/search.hpp"

namespace quarterdeck::tools {

std::vector<std::filesystem::path> walk_files(const FileQuery& query, const std::stop_token& stop);
std::expected<std::vector<Line>, std::string> walk_lines(const LineQuery& query, const std::stop_token& stop);

// A glob of ripgrep's kind as a regular expression over the path relative to the search's directory.
// nullopt: malformed. "!" is not part of it.
std::optional<std::string> glob_to_regex(std::string_view glob);

}  // namespace quarterdeck::tools
