// The shortest way from one text to another, line by line, and its unified form.
//
// Myers' greedy algorithm (E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986) with the tie-break of
// jsdiff, because clients compare and render the patches that jsdiff makes: of two equally far ways the deletion comes
// first. A line keeps its line feed, so "a" and "a\n" differ.
// Limit: texts that differ in more than kEditsMax lines are shown as one block replaced by another.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::tools::diff {

constexpr int kEditsMax = 3000;

// A run of lines with one fate.
struct Run {
  enum class Kind { same, removed, added };
  Kind kind;
  std::size_t begin;  // index of its first line, in the old text for same and removed, in the new for added
  std::size_t count;
  bool operator==(const Run&) const = default;
};

// Lines with their line feeds; "" has none.
std::vector<std::string_view> split_lines(std::string_view text);

std::vector<Run> line_diff(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after);

struct Patch {
  std::string text;  // "Index: …" header and hunks with four lines of context
  int additions = 0;
  int deletions = 0;
};

// The patch of one file. Carriage returns count.
Patch make_patch(std::string_view path, std::string_view before, std::string_view after);

// Takes the indentation that all lines of a patch share away, so that deep code stays readable in a narrow window.
std::string trim_common_indent(std::string_view patch);

}  // namespace quarterdeck::tools::diff
