#include "config/markdown.hpp"

#include <algorithm>

#include "base/paths.hpp"
#include "config/front_matter.hpp"

namespace quarterdeck::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 1000;
constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr int kDepthMax = 8;

bool leaves(const fs::path& file, const fs::path* confined_to) {
  if (!confined_to) return false;
  std::error_code error;
  const auto relative = fs::weakly_canonical(file, error).lexically_relative(fs::weakly_canonical(*confined_to, error));
  return error || relative.empty() || *relative.begin() == "..";
}

Result<wire::JsonObject> document_of(const fs::path& file, std::string_view member, const std::string& name,
                                     std::string_view text_member, bool primary) {
  TRY(const std::string text, read_file(file));
  TRY(MarkdownDocument markdown, parse_markdown(text));
  wire::JsonObject value = std::move(markdown.data);
  value.erase("name");  // the file has it
  value[text_member] = wire::valid_utf8(markdown.content);
  if (primary) value["mode"] = "primary";
  wire::JsonObject named;
  named[name] = std::move(value);
  wire::JsonObject document;
  document[member] = std::move(named);
  return document;
}

}  // namespace

std::vector<fs::path> find_markdown(const fs::path& directory, const fs::path* confined_to) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::recursive_directory_iterator at(
      directory, fs::directory_options::follow_directory_symlink | fs::directory_options::skip_permission_denied,
      error);
  for (; !error && at != fs::recursive_directory_iterator{} && found.size() < kFilesMax; at.increment(error)) {
    const fs::path& path = at->path();
    std::error_code ignored;
    if (at->is_directory(ignored)) {
      if (at.depth() >= kDepthMax || path.filename() == "node_modules" || path.filename() == ".git") {
        at.disable_recursion_pending();
      }
      continue;
    }
    if (path.extension() != ".md" || !at->is_regular_file(ignored) || at->file_size(ignored) > kFileBytesMax) continue;
    if (!leaves(path, confined_to)) found.push_back(path);
  }
  std::ranges::sort(found);
  return found;
}

std::vector<MarkdownMember> read_markdown_members(const fs::path& directory, const fs::path* confined_to) {
  struct Kind {
    const char* folder;
    std::string_view member;
    std::string_view text_member;
    bool primary;
  };
  constexpr Kind kinds[] = {{"agent", "agent", "prompt", false},       {"agents", "agent", "prompt", false},
                            {"mode", "agent", "prompt", true},         {"modes", "agent", "prompt", true},
                            {"command", "command", "template", false}, {"commands", "command", "template", false}};
  std::vector<MarkdownMember> members;
  for (const Kind& kind : kinds) {
    const fs::path folder = directory / kind.folder;
    for (const fs::path& file : find_markdown(folder, confined_to)) {
      const fs::path relative = file.lexically_relative(folder);
      if (kind.primary && relative.has_parent_path()) continue;
      const std::string name = (relative.parent_path() / relative.stem()).generic_string();
      members.push_back(
          {file, std::string(kind.member), document_of(file, kind.member, name, kind.text_member, kind.primary)});
    }
  }
  return members;
}

}  // namespace quarterdeck::config
