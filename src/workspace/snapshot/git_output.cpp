#include "workspace/snapshot/git_output.hpp"

#include <fmt/format.h>

#include "workspace/diff_output.hpp"

namespace quarterdeck::workspace::snapshot {
namespace {

TreeEntry entry(std::string_view mode, std::string_view id) {
  if (mode == "000000") return {};
  return {std::string(mode), std::string(id)};
}

// "-1" → "-1,1"; "-1,4" stays.
std::string range_with_count(std::string_view range) {
  return range.contains(',') ? std::string(range) : fmt::format("{},1", range);
}

}  // namespace

std::vector<std::vector<RawChange>> parse_raw_changes(std::string_view output) {
  std::vector<std::vector<RawChange>> pairs;
  while (!output.empty()) {
    if (output.front() != ':') {  // "<tree> <tree>", the only line that ends as one
      const auto end = output.find('\n');
      if (end == output.npos) break;
      pairs.emplace_back();
      output.remove_prefix(end + 1);
      continue;
    }
    // ":100644 100755 <id> <id> M", then the path
    const auto meta_end = output.find('\0');
    const auto path_end = output.find('\0', meta_end + 1);
    if (meta_end == output.npos || path_end == output.npos || pairs.empty()) break;
    const std::string meta = std::string(output.substr(1, meta_end - 1)) + ' ';
    const auto words = split(meta, ' ');
    if (words.size() < 5) break;
    pairs.back().push_back({std::string(output.substr(meta_end + 1, path_end - meta_end - 1)),
                            entry(words[0], words[2]), entry(words[1], words[3])});
    output.remove_prefix(path_end + 1);
  }
  return pairs;
}

std::map<std::string, TreeEntry> parse_entries(std::string_view output) {
  std::map<std::string, TreeEntry> found;
  for (const std::string_view record : split(output, '\0')) {
    const auto tab = record.find('\t');
    const auto first = record.find(' ');
    const auto second = record.find(' ', first + 1);
    if (tab == record.npos || second == record.npos || second > tab) continue;
    found.emplace(record.substr(tab + 1), entry(record.substr(0, first), record.substr(second + 1, tab - second - 1)));
  }
  return found;
}

std::vector<ListedFile> parse_listed(std::string_view output) {
  std::vector<ListedFile> files;
  for (const std::string_view record : split(output, '\0')) {
    if (record.size() > 2) files.push_back({record[0], std::string(record.substr(2))});
  }
  return files;
}

std::string indexed_patch(std::string_view file, std::string_view git_patch) {
  std::string out;
  for (std::size_t at = 0; at < git_patch.size();) {
    const std::size_t end = std::min(git_patch.find('\n', at), git_patch.size());
    const std::string_view line = git_patch.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("@@ ")) {
      // "@@ -1,2 +1 @@ the function around it"
      const auto plus = line.find(" +");
      const auto close = line.find(" @@", 3);
      if (plus == line.npos || close == line.npos) continue;
      out += fmt::format("@@ {} {} @@\n", range_with_count(line.substr(3, plus - 3)),
                         range_with_count(line.substr(plus + 1, close - plus - 1)));
    } else if (!out.empty()) {
      out.append(line).push_back('\n');
    }
  }
  if (out.empty()) return out;
  return fmt::format("Index: {0}\n{1}\n--- {0}\t\n+++ {0}\t\n", file, std::string(67, '=')) + out;
}

}  // namespace quarterdeck::workspace::snapshot
