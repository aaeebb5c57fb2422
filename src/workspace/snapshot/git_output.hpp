// What git prints about trees, as values. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "workspace/snapshot.hpp"

namespace quarterdeck::workspace::snapshot {

struct RawChange {
  std::string file;
  TreeEntry before;
  TreeEntry after;
  bool operator==(const RawChange&) const = default;
};

// git diff-tree --stdin -r -z --raw: for each pair its header, then its changes.
std::vector<std::vector<RawChange>> parse_raw_changes(std::string_view output);
// git ls-tree -r -z.
std::map<std::string, TreeEntry> parse_entries(std::string_view output);
// Paths of git ls-files -t -z, with the tag in front: 'C' changed, 'R' removed, '?' new.
struct ListedFile {
  char tag = ' ';
  std::string file;
};
std::vector<ListedFile> parse_listed(std::string_view output);
// A patch of git in the form of the jsdiff library, which OpenCode uses; empty for binary files.
std::string indexed_patch(std::string_view file, std::string_view git_patch);

}  // namespace quarterdeck::workspace::snapshot
