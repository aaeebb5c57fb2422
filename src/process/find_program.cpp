#include "process/find_program.hpp"

#include <unistd.h>

#include "process/process.hpp"

namespace quarterdeck::process {

namespace fs = std::filesystem;

constexpr std::size_t kLevelsMax = 64;

std::optional<fs::path> executable(const fs::path& file) {
  std::error_code ignored;
  if (fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0) return file;
  return std::nullopt;
}

std::optional<fs::path> find_program(std::string_view name) {
  const auto environment = tool_environment();
  std::string_view path = environment.at("PATH");
  while (!path.empty()) {
    const auto colon = path.find(':');
    const fs::path directory(path.substr(0, colon));
    if (directory.is_absolute()) {
      if (auto found = executable(directory / name)) return found;
    }
    path.remove_prefix(colon == path.npos ? path.size() : colon + 1);
  }
  return std::nullopt;
}

std::vector<fs::path> levels_up(const fs::path& directory, const fs::path& top) {
  std::vector<fs::path> found{directory};
  while (found.back() != top && found.back().has_relative_path() && found.size() < kLevelsMax) {
    found.push_back(found.back().parent_path());
  }
  return found;
}

std::optional<fs::path> find_project_program(std::string_view name, const fs::path& directory, const fs::path& top) {
  for (const fs::path& level : levels_up(directory, top)) {
    if (auto found = executable(level / "node_modules/.bin" / name)) return found;
  }
  return std::nullopt;
}

}  // namespace quarterdeck::process
