// Files as an indented tree:
//
//   /p/
//     src/
//       main.c
//     README.md
//
// Directories come before files, each in the order of names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace quarterdeck::tools {

std::string show_tree(const std::filesystem::path& root, const std::vector<std::filesystem::path>& files);

// The `count` files nearest to the top; among those of one depth the first by name. `files` are below `root`.
std::vector<std::filesystem::path> nearest(std::vector<std::filesystem::path> files, std::size_t count);

}  // namespace quarterdeck::tools
