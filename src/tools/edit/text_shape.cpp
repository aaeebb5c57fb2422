#include "tools/edit/text_shape.hpp"

#include <algorithm>

namespace quarterdeck::tools {
namespace {

// Beyond this the table would take too long; such lines are alike only when equal.
constexpr std::size_t kComparedUnitsMax = 5000;

std::u16string to_utf16(std::string_view text) {
  std::u16string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    char32_t code = length == 1 ? byte : byte & (0x7Fu >> length);
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k) {
      code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    }
    i += length;
    if (code >= 0x10000) {
      code -= 0x10000;
      out += static_cast<char16_t>(0xD800 + (code >> 10));
      out += static_cast<char16_t>(0xDC00 + (code & 0x3FF));
    } else {
      out += static_cast<char16_t>(code);
    }
  }
  return out;
}

}  // namespace

std::size_t space_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  if (byte(0) == ' ' || (byte(0) >= 9 && byte(0) <= 13)) return 1;
  if (byte(0) == 0xC2 && byte(1) == 0xA0) return 2;                                    // U+00A0
  if (byte(0) == 0xE1 && byte(1) == 0x9A && byte(2) == 0x80) return 3;                  // U+1680
  if (byte(0) == 0xE2 && byte(1) == 0x80) {  // U+2000-200A, 2028, 2029, 202F
    const unsigned last = byte(2);
    return (last >= 0x80 && last <= 0x8A) || last == 0xA8 || last == 0xA9 || last == 0xAF ? 3 : 0;
  }
  if (byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) == 0x9F) return 3;  // U+205F
  if (byte(0) == 0xE3 && byte(1) == 0x80 && byte(2) == 0x80) return 3;  // U+3000
  if (byte(0) == 0xEF && byte(1) == 0xBB && byte(2) == 0xBF) return 3;  // U+FEFF
  return 0;
}

std::string_view trim(std::string_view text) {
  while (const std::size_t length = space_length(text)) text.remove_prefix(length);
  for (;;) {
    std::size_t cut = 0;
    for (const std::size_t length : {1u, 2u, 3u}) {
      if (text.size() >= length && space_length(text.substr(text.size() - length)) == length) cut = length;
    }
    if (cut == 0) return text;
    text.remove_suffix(cut);
  }
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  std::size_t start = 0, at = 0;
  const auto end_word = [&] {
    if (at > start) found.push_back(text.substr(start, at - start));
  };
  while (at < text.size()) {
    if (const std::size_t length = space_length(text.substr(at))) {
      end_word();
      start = at += length;
    } else {
      ++at;
    }
  }
  end_word();
  return found;
}

std::string collapse_spaces(std::string_view text) {
  std::string out;
  for (const auto word : words(text)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

std::vector<std::string_view> split_at_line_feeds(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const std::size_t feed = text.find('\n');
    lines.push_back(text.substr(0, feed));
    if (feed == text.npos) return lines;
    text.remove_prefix(feed + 1);
  }
}

double similarity(std::string_view left, std::string_view right) {
  if (left == right) return 1;
  const std::u16string a = to_utf16(left), b = to_utf16(right);
  const std::size_t longer = std::max(a.size(), b.size());
  if (longer > kComparedUnitsMax) return 0;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return 1 - static_cast<double>(row[b.size()]) / static_cast<double>(longer);
}

std::size_t utf16_length(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    units += (byte & 0xC0) != 0x80;  // a character begins
    units += byte >= 0xF0;  // and takes two units
  }
  return units;
}

}  // namespace quarterdeck::tools
