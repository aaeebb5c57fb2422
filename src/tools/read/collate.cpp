#include "tools/read/collate.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace quarterdeck::tools {
namespace {

// Unicode's root order of the ASCII characters below the letters.
constexpr std::string_view kLowOrder = "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789";
// Base letters of U+00C0..U+017F; '.' = stands for itself.
constexpr std::string_view kLatin =
    "aaaaaaaceeeeiiii.nooooo.ouuuuy.saaaaaaaceeeeiiii.nooooo.ouuuuy.y"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkk.llllllllllnnnnnnn.."
    "oooooooorrrrrrssssssssttttttuuuuuuuuuuuu"
    "wwyyyzzzzzzs";

// What decides first, second, third, as in UTS #10.
struct Weights {
  std::vector<std::uint32_t> primary;
  std::vector<std::uint32_t> accents;
  std::vector<bool> upper;
};

char32_t next_code_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t code = length == 1 ? first : first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length && i < text.size(); ++i)
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  text.remove_prefix(std::min(length, text.size()));
  return code;
}

Weights weigh(std::string_view text) {
  Weights weights;
  while (!text.empty()) {
    char32_t code = next_code_point(text);
    std::uint32_t accent = 0;
    bool upper = code >= 'A' && code <= 'Z';
    if (code >= 0xC0 && code < 0xC0 + kLatin.size() && kLatin[code - 0xC0] != '.') {
      upper = code < 0xDF || (code >= 0x100 && code % 2 == 0);
      accent = code;
      code = static_cast<unsigned char>(kLatin[code - 0xC0]);
    }
    if (upper && code < 0x80) code |= 0x20;
    if (const auto low = code < 0x80 ? kLowOrder.find(static_cast<char>(code)) : kLowOrder.npos;
        low != kLowOrder.npos) {
      weights.primary.push_back(static_cast<std::uint32_t>(low + 1));
    } else if (code >= 0x20) {
      weights.primary.push_back(0x100 + code);
    } else {
      continue;  // control characters weigh nothing
    }
    weights.accents.push_back(accent);
    weights.upper.push_back(upper);
  }
  return weights;
}

}  // namespace

bool name_before(std::string_view left, std::string_view right) {
  const Weights a = weigh(left), b = weigh(right);
  if (a.primary != b.primary) return a.primary < b.primary;
  if (a.accents != b.accents) return a.accents < b.accents;
  if (a.upper != b.upper) return a.upper < b.upper;
  return left < right;
}

}  // namespace quarterdeck::tools
