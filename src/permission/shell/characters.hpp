// What the parser's two halves ask of characters and words.
#pragma once

#include <string_view>

namespace quarterdeck::permission::shell {

inline bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
inline bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool ends_word(char c) { return is_blank(c) || c == '\n' || std::string_view(";&|()<>").contains(c); }

// NAME= NAME+= NAME[…]=
inline bool begins_assignment(std::string_view text) {
  if (text.empty() || !is_name_start(text[0])) return false;
  std::size_t i = 1;
  while (i < text.size() && (is_name_start(text[i]) || is_digit(text[i]))) ++i;
  if (i < text.size() && text[i] == '[') {
    const auto close = text.find(']', i);
    if (close == std::string_view::npos) return false;
    i = close + 1;
  }
  return text.substr(i).starts_with("=") || text.substr(i).starts_with("+=");
}

}  // namespace quarterdeck::permission::shell
