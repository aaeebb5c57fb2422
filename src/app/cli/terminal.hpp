// What the terminal can show, and text made safe for it. Text from models and tools is foreign: escape sequences in it
// never reach the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::app {

struct Style {
  bool colour = false;   // a terminal, without NO_COLOR and not "dumb"
  bool unicode = false;  // the locale's character set is UTF-8
  bool live = false;     // lines can be redrawn
  std::size_t columns = 80;
};

// For a descriptor of this process. Takes the locale from the environment.
Style style_of(int fd);

struct Marks {
  std::string_view tool, ok, bad, warn, retry, ask, more, dot;
};
const Marks& marks(const Style& style);

enum class Paint { plain, dim, bold, green, red, yellow, cyan };
std::string painted(const Style& style, Paint paint, std::string_view text);

// Without escape sequences and control characters; \n and \t stay, a lone \r becomes \n.
std::string harmless(std::string_view text);
// The first line, harmless, at most `columns` wide, with a mark where something was cut.
std::string one_line(const Style& style, std::string_view text, std::size_t columns);
// Code points, which is close enough to columns.
std::size_t width(std::string_view text);
std::string padded(std::string_view text, std::size_t columns);
// Without the final line end; no text, no lines.
std::vector<std::string_view> lines_of(std::string_view text);

}  // namespace quarterdeck::app
