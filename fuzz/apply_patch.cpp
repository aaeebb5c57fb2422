// "*** Begin Patch": sections or a sentence; applied to any text it gives a text or a sentence.
#include "fuzz_target.hpp"
#include "tools/apply_patch/patch_text.hpp"

FUZZ_TARGET(apply_patch) {
  using namespace quarterdeck::tools;
  // The file stands behind a NUL byte.
  const auto cut = input.find('\0');
  const std::string_view file = cut == std::string_view::npos ? std::string_view{} : input.substr(cut + 1);
  const auto sections = parse_patch(input.substr(0, cut));
  if (!sections) {
    CHECK(!sections.error().empty());
    return;
  }
  for (const Section& section : *sections) {
    const auto applied = apply_chunks(file, section.chunks, section.path);
    if (!applied) CHECK(!applied.error().empty());
    if (applied && !applied->empty()) CHECK(applied->ends_with('\n'));
  }
}
