#include "workspace/diff_output.hpp"

#include <charconv>
#include <map>

namespace quarterdeck::workspace {
namespace {

constexpr std::string_view kDiffHeader = "diff --git ";

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;  // stays for "-": a binary file
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string_view status_of(char letter) {
  if (letter == 'A') return "added";
  if (letter == 'D') return "deleted";
  return "modified";
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find(separator, at);
    if (end == text.npos) break;  // cut off
    pieces.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return pieces;
}

std::vector<FileChange> parse_summary(std::string_view output) {
  std::vector<FileChange> found;
  std::map<std::string_view, std::size_t> by_file;
  const auto records = split(output, '\0');
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::string_view record = records[i];
    if (record.starts_with(':') && i + 1 < records.size()) {
      const std::string_view file = records[++i];
      by_file[file] = found.size();
      found.push_back({.file = std::string(file), .status = status_of(record.back())});
      continue;
    }
    const auto first = record.find('\t');
    const auto second = record.find('\t', first + 1);
    if (first == record.npos || second == record.npos) continue;
    const auto known = by_file.find(record.substr(second + 1));
    if (known == by_file.end()) continue;
    found[known->second].additions = number(record.substr(0, first));
    found[known->second].deletions = number(record.substr(first + 1, second - first - 1));
  }
  return found;
}

// A line of a file cannot look like one: it has its sign in front.
std::vector<std::string_view> split_patch(std::string_view output) {
  std::vector<std::string_view> patches;
  for (std::size_t at = 0; at < output.size() && output.substr(at).starts_with(kDiffHeader);) {
    const std::size_t next = output.find("\ndiff --git ", at);
    const std::size_t end = next == output.npos ? output.size() : next + 1;
    patches.push_back(output.substr(at, end - at));
    at = end;
  }
  return patches;
}

}  // namespace quarterdeck::workspace
