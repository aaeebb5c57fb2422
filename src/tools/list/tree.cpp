#include "tools/list/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>

namespace quarterdeck::tools {
namespace {

struct Directory {
  std::map<std::string, Directory> directories;
  std::set<std::string> files;
};

void show(const Directory& directory, std::size_t depth, std::string& out) {
  const std::string indent(2 * depth, ' ');
  for (const auto& [name, inner] : directory.directories) {
    out += fmt::format("{}{}/\n", indent, name);
    show(inner, depth + 1, out);
  }
  for (const auto& name : directory.files) out += fmt::format("{}{}\n", indent, name);
}

}  // namespace

std::string show_tree(const std::filesystem::path& root, const std::vector<std::filesystem::path>& files) {
  Directory top;
  for (const auto& file : files) {
    Directory* at = &top;
    for (const auto& name : file.parent_path().lexically_relative(root)) {
      if (name != ".") at = &at->directories[name.string()];
    }
    at->files.insert(file.filename().string());
  }
  std::string out = root == root.root_path() ? root.string() + "\n" : root.string() + "/\n";
  show(top, 1, out);
  return out;
}

std::vector<std::filesystem::path> nearest(std::vector<std::filesystem::path> files, std::size_t count) {
  const auto place = [](const std::filesystem::path& file) {
    return std::pair(std::ranges::count(file.native(), '/'), std::string_view(file.native()));
  };
  std::ranges::sort(files, {}, place);
  if (files.size() > count) files.resize(count);
  return files;
}

}  // namespace quarterdeck::tools
