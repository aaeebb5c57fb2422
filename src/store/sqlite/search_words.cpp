#include "store/sqlite/search_words.hpp"

#include <algorithm>
#include <vector>

#include "wire/json.hpp"

namespace quarterdeck::store::sqlite {
namespace {

constexpr std::size_t kTermsMax = 32;
constexpr std::size_t kTypedBytesMax = 1'000;
constexpr std::string_view kZeroWidthSpace = "\u200b";

// The code point at `at` and its length; valid UTF-8 is assumed, anything else is one byte.
char32_t code_point(std::string_view text, std::size_t at, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  if (at + length > text.size()) length = 1;
  if (length == 1) return first;
  char32_t value = first & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) value = value << 6 | (byte(at + i) & 0x3f);
  return value;
}

bool without_spaces(char32_t c) {
  return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff) ||
         (c >= 0x2e80 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}

bool has_letters(std::string_view word) {
  return std::ranges::any_of(word, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
  });
}

struct Term {
  std::string words;
  bool without = false;
  bool begins = false;
};

bool is_space(char c) { return static_cast<unsigned char>(c) <= ' '; }

std::vector<Term> terms_of(std::string_view typed) {
  std::vector<Term> terms;
  for (std::size_t i = 0; i < typed.size();) {
    if (is_space(typed[i])) {
      ++i;
      continue;
    }
    Term term;
    if (typed[i] == '-' && i + 1 < typed.size() && !is_space(typed[i + 1])) {
      term.without = true;
      ++i;
    }
    if (typed[i] == '"') {
      const std::size_t end = std::min(typed.find('"', i + 1), typed.size());
      term.words = typed.substr(i + 1, end - i - 1);
      i = std::min(end + 1, typed.size());
    } else {
      std::size_t end = i;
      while (end < typed.size() && !is_space(typed[end]) && typed[end] != '"') ++end;
      term.words = typed.substr(i, end - i);
      i = end;
    }
    if (term.words.ends_with('*')) term.begins = true;
    if (i < typed.size() && typed[i] == '*') {
      term.begins = true;
      ++i;
    }
    if (has_letters(term.words)) terms.push_back(std::move(term));
  }
  return terms;
}

// Doubled quotes are the only escape that a string of FTS5 has.
std::string quoted(const Term& term) {
  std::string out = "\"";
  for (const char c : spaced(term.words)) {
    if (c == '"') out += '"';
    if (c != '\0') out += c;
  }
  return out + (term.begins ? "\"*" : "\"");
}

}  // namespace

Result<std::string> match_expression(std::string_view typed) {
  if (typed.size() > kTypedBytesMax)
    return fail(ErrorCode::invalid, "Expected at most {} bytes\n  at [\"q\"]", kTypedBytesMax);
  const std::vector<Term> terms = terms_of(wire::valid_utf8(typed));
  if (terms.size() > kTermsMax) return fail(ErrorCode::invalid, "Expected at most {} words\n  at [\"q\"]", kTermsMax);
  std::string with, without;
  for (const Term& term : terms) {
    std::string& to = term.without ? without : with;
    if (!to.empty()) to += term.without ? " OR " : " AND ";
    to += quoted(term);
  }
  if (with.empty()) return fail(ErrorCode::invalid, "Expected a word to look for\n  at [\"q\"]");
  return without.empty() ? with : fmt::format("({}) NOT ({})", with, without);
}

std::string spaced(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t length = 1;
  for (std::size_t i = 0; i < text.size(); i += length) {
    const char32_t c = code_point(text, i, length);
    out += text.substr(i, length);
    if (c >= 0x0e00 && without_spaces(c)) out += kZeroWidthSpace;
  }
  return out;
}

std::string unspaced(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with(kZeroWidthSpace)) {
      i += kZeroWidthSpace.size();
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace quarterdeck::store::sqlite
