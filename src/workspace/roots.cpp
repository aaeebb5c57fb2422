#include "workspace/roots.hpp"

#include <algorithm>

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;

fs::path real(const fs::path& path) {
  std::error_code error;
  fs::path found = fs::weakly_canonical(path, error);
  if (error) return {};  // a loop of links, a folder that may not be entered: below nothing
  return found.has_filename() || !found.has_relative_path() ? found : found.parent_path();
}

bool is_below(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

}  // namespace

Roots::Roots(std::vector<fs::path> folders) {
  for (const fs::path& each : folders) {
    fs::path found = real(each);
    if (!found.empty() && std::ranges::find(folders_, found) == folders_.end()) folders_.push_back(std::move(found));
  }
}

Result<void> Roots::check(const fs::path& directory) const {
  if (folders_.empty()) return {};
  const fs::path place = real(directory);
  if (std::ranges::any_of(folders_, [&](const fs::path& each) { return is_below(place, each); })) return {};
  std::string known;
  for (const fs::path& each : folders_) known += (known.empty() ? "" : ", ") + each.string();
  return fail(ErrorCode::denied,
              "{} is not below a registered root ({}). Start the server with --root DIR, or set \"quarterdeck\": "
              "{{\"roots\": [\"DIR\"]}} in the user's configuration\n  at [\"directory\"]",
              directory.string(), known);
}

}  // namespace quarterdeck::workspace
