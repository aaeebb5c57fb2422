// The "*** Begin Patch" form that some models write, and how its hunks find their place in a file.
//
//   *** Begin Patch
//   *** Add File: new.txt        lines with "+"
//   *** Delete File: old.txt
//   *** Update File: a.txt       optional next line: *** Move to: b.txt
//   @@ def f():                  optional text: a line to find first
//    context
//   -old
//   +new
//   *** End Patch
//
// Lenient as OpenCode is: unknown lines are skipped, a shell heredoc around it is taken off, context may differ in white
// space and in typographic characters. Pure: no files.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::tools {

struct Chunk {
  std::string anchor;  // the line to find first; empty = none
  std::vector<std::string> old_lines;
  std::vector<std::string> new_lines;
  bool operator==(const Chunk&) const = default;
};

struct Section {
  enum class Kind { add, remove, update };
  Kind kind;
  std::string path;
  std::string move_to;  // update only
  std::string content;  // add only
  std::vector<Chunk> chunks;  // update only
  bool operator==(const Section&) const = default;
};

// Errors are sentences for the model.
std::expected<std::vector<Section>, std::string> parse_patch(std::string_view text);

// The new text of a file; `shown_path` is for the messages. It ends with a line feed unless it is empty.
std::expected<std::string, std::string> apply_chunks(std::string_view text, const std::vector<Chunk>& chunks,
                                                     std::string_view shown_path);

}  // namespace quarterdeck::tools
