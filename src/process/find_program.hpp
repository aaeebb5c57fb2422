// Where a program is, as a command of a session would find it; and what lies in a directory or above it. Blocking.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace quarterdeck::process {

// In the PATH of tool_environment(); entries that are not absolute are skipped: they mean another place in every project.
std::optional<std::filesystem::path> find_program(std::string_view name);
// The file itself, when it can be run.
std::optional<std::filesystem::path> executable(const std::filesystem::path& file);

// `directory`, its parent, … up to `top`, or to the root when `top` is not above. At most 64.
std::vector<std::filesystem::path> levels_up(const std::filesystem::path& directory, const std::filesystem::path& top);

// What a package manager put into the project: node_modules/.bin/<name> of a level.
std::optional<std::filesystem::path> find_project_program(std::string_view name, const std::filesystem::path& directory,
                                                          const std::filesystem::path& top);

}  // namespace quarterdeck::process
