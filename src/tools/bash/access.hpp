// What a command line must be allowed first: directories outside the project, then each simple command.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "tools/tool.hpp"

namespace quarterdeck::tools::bash {

// Asks for `external_directory` when `workdir` or an argument of a file command lies outside, then for `bash`, one
// pattern a simple command (`cd` needs none of its own). Reads the file system on the pool.
Task<std::expected<void, ToolFailure>> ask_for(std::string command, std::filesystem::path workdir,
                                               ToolContext& context);

}  // namespace quarterdeck::tools::bash
