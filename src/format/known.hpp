// The formatters that we know, as data, and what each needs to run. Blocking: call find_command() on the pool.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/formatters.hpp"

namespace quarterdeck::format {

// What has to be there beside the program.
enum class Needs {
  program,    // nothing
  file,       // one of the files `what`, in the directory or above
  package,    // package.json names `what` as a dependency; the project's own program comes first
  composer,   // composer.json requires `what`; the program is the project's own
  ruff,       // its section or name in one of Python's files
  uv,         // a uv that can format, where ruff is not set up
  air,        // R's formatter, not another program of that name
};

// Whether the project decides what the program runs: configuration that is code, plugins.
enum class Runs { its_own_code, code_of_the_project };

struct Known {
  std::string_view name;
  std::string_view extensions;  // separated by spaces
  std::string_view program;
  std::string_view arguments;   // separated by spaces
  Needs needs = Needs::program;
  std::string_view what = {};
  Runs runs = Runs::its_own_code;
};

// In the order in which they run.
std::span<const Known> known_formatters();

// The command with "$FILE" in it; nothing when it is not installed or the project does not ask for it. For `uv` and `air`
// the caller still has to ask the program itself.
std::optional<std::vector<std::string>> find_command(const Known& known, const Place& place);

std::vector<std::string> words(std::string_view text);

}  // namespace quarterdeck::format
