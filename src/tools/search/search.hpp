// Finding files by name and lines by content, by ripgrep, else by our own walk. Hidden files are searched too, `.git` is
// not; links are not followed; binary files are skipped. In order of names, directory by directory. What .gitignore
// names is found by name; lines are not searched there, except by our walk, which does not read .gitignore.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

struct FileQuery {
  std::filesystem::path directory;
  std::string pattern;  // a glob as in .gitignore: without "/" at any depth, "!" inverts; empty = all files
  std::vector<std::string> exclude;  // globs of files and directories to leave out
  bool ignored = true;  // also what .gitignore names; our walk does not read that
  std::size_t limit = 100;
};

struct LineQuery {
  std::filesystem::path directory;
  std::string only;  // name of the one file in it to search; empty = all
  std::string pattern;  // a regular expression without look-around
  std::string include;  // a glob; empty = all files
  std::size_t limit = 100;
};

struct Line {
  std::filesystem::path file;
  std::int64_t number = 0;
  std::string text;  // with its own line end
  bool operator==(const Line&) const = default;
};

// Both stop at `limit`. Errors are sentences for the model.
Task<std::expected<std::vector<std::filesystem::path>, std::string>> find_files(FileQuery query, ToolContext& context);
Task<std::expected<std::vector<Line>, std::string>> find_lines(LineQuery query, ToolContext& context);

}  // namespace quarterdeck::tools
