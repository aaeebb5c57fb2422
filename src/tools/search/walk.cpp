#include "tools/search/walk.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <functional>

#include "base/paths.hpp"

namespace quarterdeck::tools {
namespace {

constexpr int kDepthMax = 128;
constexpr std::uintmax_t kFileBytesMax = 32 << 20;  // larger files are left to ripgrep

class Glob {
 public:
  explicit Glob(std::string_view glob) {
    if (glob.empty()) return;
    inverted_ = glob.starts_with('!');
    if (inverted_) glob.remove_prefix(1);
    for_directories_ = glob.ends_with('/');
    const auto regex = glob_to_regex(glob.substr(0, glob.size() - (for_directories_ ? 1 : 0)));
    RE2::Options options;
    options.set_log_errors(false);
    pattern_ = std::make_unique<RE2>(regex.value_or("[^\\s\\S]"), options);
  }
  bool matches(const std::string& relative, bool directory = false) const {
    if (!pattern_) return true;
    return ((directory || !for_directories_) && RE2::FullMatch(relative, *pattern_)) != inverted_;
  }

 private:
  bool for_directories_ = false;
  bool inverted_ = false;
  std::unique_ptr<RE2> pattern_;
};

// Calls `visit` for each regular file until it returns false. False when it was stopped. `excluded` may be empty.
bool walk(const std::filesystem::path& directory, const std::string& prefix, int depth, const std::stop_token& stop,
          const std::vector<Glob>& excluded,
          const std::function<bool(const std::filesystem::path&, const std::string& relative)>& visit) {
  std::vector<std::filesystem::directory_entry> entries;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    entries.push_back(*entry);
  }
  std::ranges::sort(entries);
  for (const auto& entry : entries) {
    if (stop.stop_requested()) return false;
    const std::string name = entry.path().filename().string();
    const std::string relative = prefix + name;
    if (name == ".git" || entry.is_symlink(error)) continue;
    const bool is_directory = entry.is_directory(error);
    if (std::ranges::any_of(excluded, [&](const Glob& glob) { return glob.matches(relative, is_directory); })) continue;
    if (is_directory) {
      if (depth < kDepthMax && !walk(entry.path(), relative + "/", depth + 1, stop, excluded, visit)) return false;
    } else if (entry.is_regular_file(error) && !visit(entry.path(), relative)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<std::string> glob_to_regex(std::string_view glob) {
  std::string out;
  if (glob.starts_with('/')) {
    glob.remove_prefix(1);
  } else if (!glob.contains('/')) {
    out = "(?:.*/)?";
  }
  int braces = 0;
  for (std::size_t i = 0; i < glob.size(); ++i) {
    const char c = glob[i];
    if (glob.substr(i).starts_with("**/")) {
      out += "(?:.*/)?";
      i += 2;
    } else if (glob.substr(i).starts_with("**")) {
      out += ".*";
      ++i;
    } else if (c == '*') {
      out += "[^/]*";
    } else if (c == '?') {
      out += "[^/]";
    } else if (c == '{') {
      out += "(?:";
      ++braces;
    } else if (c == '}' && braces > 0) {
      out += ")";
      --braces;
    } else if (c == ',' && braces > 0) {
      out += "|";
    } else if (c == '[') {
      const bool inverted = i + 1 < glob.size() && (glob[i + 1] == '!' || glob[i + 1] == '^');
      const std::size_t begin = i + 1 + (inverted ? 1 : 0);
      const std::size_t end = glob.find(']', begin + 1);
      if (end == glob.npos) return std::nullopt;
      out += inverted ? "[^/" : "[";
      for (const char member : glob.substr(begin, end - begin)) {
        if (member == '\\' || member == '[' || member == ']' || member == '^') out += '\\';
        out += member;
      }
      out += "]";
      i = end;
    } else if (c == '\\' && i + 1 < glob.size()) {
      out += RE2::QuoteMeta(glob.substr(++i, 1));
    } else {
      out += static_cast<unsigned char>(c) < 0x80 ? RE2::QuoteMeta(glob.substr(i, 1)) : std::string(1, c);
    }
  }
  if (braces > 0) return std::nullopt;
  return out;
}

std::vector<std::filesystem::path> walk_files(const FileQuery& query, const std::stop_token& stop) {
  const Glob glob(query.pattern);
  std::vector<Glob> excluded;
  for (const std::string& pattern : query.exclude) excluded.emplace_back(pattern);
  std::vector<std::filesystem::path> found;
  walk(query.directory, "", 0, stop, excluded, [&](const std::filesystem::path& file, const std::string& relative) {
    if (glob.matches(relative)) found.push_back(file);
    return found.size() < query.limit;
  });
  return found;
}

std::expected<std::vector<Line>, std::string> walk_lines(const LineQuery& query, const std::stop_token& stop) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 pattern(query.pattern, options);
  if (!pattern.ok()) return std::unexpected("regex parse error:\n    " + query.pattern + "\nerror: " + pattern.error());
  const Glob glob(query.include);
  std::vector<Line> found;
  walk(query.directory, "", 0, stop, {}, [&](const std::filesystem::path& file, const std::string& relative) {
    if (!glob.matches(relative) || (!query.only.empty() && relative != query.only)) return true;
    std::error_code error;
    if (std::filesystem::file_size(file, error) > kFileBytesMax || error) return true;
    const auto text = read_file(file);
    if (!text || text->contains('\0')) return true;
    std::int64_t number = 0;
    for (std::size_t begin = 0; begin < text->size() && found.size() < query.limit;) {
      const std::size_t end = std::min(text->find('\n', begin), text->size() - 1) + 1;
      const std::string_view line = std::string_view(*text).substr(begin, end - begin);
      const std::string_view content = line.substr(0, line.size() - (line.ends_with('\n') ? 1 : 0));
      ++number;
      if (RE2::PartialMatch(content, pattern))
        found.push_back({.file = file, .number = number, .text = std::string(line)});
      begin = end;
    }
    return found.size() < query.limit;
  });
  return found;
}

}  // namespace quarterdeck::tools
