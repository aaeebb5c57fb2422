// What `git diff` prints, cut into its pieces. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "workspace/changes.hpp"

namespace quarterdeck::workspace {

// Pieces that end with `separator`; a last one without it was cut off and is left out.
std::vector<std::string_view> split(std::string_view text, char separator);
// --raw --numstat -z: first ":modes hashes M", path for each; then "added \t removed \t path" for each.
std::vector<FileChange> parse_summary(std::string_view output);
// One diff of many files, cut before each header.
std::vector<std::string_view> split_patch(std::string_view output);

}  // namespace quarterdeck::workspace
