// The runs of a diff, laid end to end, are both texts; the patch counts them; replacing finds what is there.
#include "fuzz_target.hpp"
#include "tools/diff/line_diff.hpp"
#include "tools/edit/replace.hpp"

FUZZ_TARGET(diff) {
  using namespace quarterdeck::tools;
  const auto cut = input.find('\0');
  const std::string_view before = input.substr(0, cut);
  const std::string_view after = cut == std::string_view::npos ? std::string_view{} : input.substr(cut + 1);
  const auto old_lines = diff::split_lines(before);
  const auto new_lines = diff::split_lines(after);
  std::string old_text;
  std::string new_text;
  int added = 0;
  int removed = 0;
  for (const diff::Run& run : diff::line_diff(old_lines, new_lines)) {
    for (std::size_t i = run.begin; i < run.begin + run.count; ++i) {
      if (run.kind != diff::Run::Kind::added) old_text += old_lines.at(i);
      if (run.kind == diff::Run::Kind::added) new_text += new_lines.at(i), ++added;
      if (run.kind == diff::Run::Kind::same) new_text += old_lines.at(i);
      if (run.kind == diff::Run::Kind::removed) ++removed;
    }
  }
  CHECK(old_text == before);
  CHECK(new_text == after);
  const diff::Patch patch = diff::make_patch("a.txt", before, after);
  CHECK(patch.additions == added && patch.deletions == removed);
  (void)diff::trim_common_indent(patch.text);

  // content, what to find, its replacement
  const auto second = after.find('\0');
  const std::string_view find = after.substr(0, second);
  const std::string_view replacement = second == std::string_view::npos ? "x" : after.substr(second + 1);
  const auto replaced = replace_text(before, find, replacement, Occurrences::one);
  if (!replaced) CHECK(!replaced.error().empty());
  (void)replace_text(before, find, replacement, Occurrences::all);
}
