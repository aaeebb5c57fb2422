#include "workspace/instructions.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kInstructionBytesMax = 64 * 1024;
constexpr std::size_t kInstructionsMax = 64;

// True when one of the names was there; the first that is, wins.
bool add_first(std::vector<Instruction>& out, std::initializer_list<fs::path> candidates) {
  for (const fs::path& file : candidates) {
    auto text = read_file(file);
    if (!text || text->empty()) continue;
    if (text->size() > kInstructionBytesMax) text->resize(kInstructionBytesMax);
    if (std::ranges::none_of(out, [&](const Instruction& known) { return known.file == file; })) {
      out.push_back({file, std::move(*text)});
    }
    return true;
  }
  return false;
}

void add_matching(std::vector<Instruction>& out, const fs::path& pattern) {
  if (pattern.string().find_first_of("*?[") == std::string::npos) {
    add_first(out, {pattern});
    return;
  }
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(pattern.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (fnmatch(pattern.filename().c_str(), name.c_str(), FNM_PERIOD) == 0) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  for (const fs::path& file : found) {
    if (out.size() >= kInstructionsMax) return;
    add_first(out, {file});
  }
}

}  // namespace

std::vector<Instruction> read_instructions(const Places& places, const fs::path& directory, const fs::path& worktree,
                                           const std::vector<std::string>& extra) {
  std::vector<Instruction> out;
  add_first(out, {places.config / "AGENTS.md", places.opencode_config / "AGENTS.md"});

  std::vector<fs::path> levels;
  for (fs::path at = directory;; at = at.parent_path()) {
    levels.push_back(at);
    if (at == worktree || at == at.parent_path()) break;
    if (worktree == "/") break;  // outside a repository only the directory itself speaks
  }
  std::ranges::reverse(levels);
  for (const fs::path& level : levels) add_first(out, {level / "AGENTS.md", level / "CLAUDE.md"});

  for (const std::string& name : extra) {
    if (name.starts_with("http://") || name.starts_with("https://")) continue;
    fs::path file = name.starts_with("~/") ? places.home / name.substr(2) : fs::path(name);
    if (file.is_relative()) file = (worktree == "/" ? directory : worktree) / file;
    add_matching(out, file.lexically_normal());
  }
  return out;
}

}  // namespace quarterdeck::workspace
