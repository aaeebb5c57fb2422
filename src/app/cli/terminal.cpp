#include "app/cli/terminal.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <cstring>

namespace quarterdeck::app {
namespace {

bool set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// The length of the escape sequence at the start of `text` (which begins with ESC), as far as it is there.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return 1;
  if (text[1] == '[') {  // CSI: parameters, then one final byte
    std::size_t i = 2;
    while (i < text.size() && text[i] >= 0x20 && text[i] < 0x40) ++i;
    return i < text.size() && text[i] >= 0x40 ? i + 1 : i;
  }
  if (text[1] == ']' || text[1] == 'P' || text[1] == '_' || text[1] == '^') {  // OSC and its kin: until BEL or ST
    for (std::size_t i = 2; i < text.size(); ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '\\') return i + 2;
      if (text[i] == '\n') return i;
    }
    return text.size();
  }
  const bool designates = text[1] == '(' || text[1] == ')' || text[1] == '#';
  if (designates) return text.size() < 3 ? 2 : 3;
  return text[1] >= 0x20 ? 2 : 1;
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

Style style_of(int fd) {
  Style style;
  std::setlocale(LC_CTYPE, "");
  style.unicode = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  const char* terminal = std::getenv("TERM");
  const bool capable = terminal != nullptr && *terminal != '\0' && std::strcmp(terminal, "dumb") != 0;
  style.live = ::isatty(fd) == 1 && capable;
  style.colour = style.live && !set("NO_COLOR");
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) style.columns = size.ws_col;
  return style;
}

const Marks& marks(const Style& style) {
  static constexpr Marks kUnicode{"●", "✓", "✗", "!", "↻", "?", "…", "·"};
  static constexpr Marks kAscii{"*", "+", "x", "!", "~", "?", "...", "|"};
  return style.unicode ? kUnicode : kAscii;
}

std::string painted(const Style& style, Paint paint, std::string_view text) {
  if (!style.colour || paint == Paint::plain || text.empty()) return std::string(text);
  const char* code = "0";
  switch (paint) {
    case Paint::plain: break;
    case Paint::dim: code = "2"; break;
    case Paint::bold: code = "1"; break;
    case Paint::green: code = "32"; break;
    case Paint::red: code = "31"; break;
    case Paint::yellow: code = "33"; break;
    case Paint::cyan: code = "36"; break;
  }
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == 0x1b) {
      i += escape_length(text.substr(i));
    } else if (c == '\r') {
      if (i + 1 >= text.size() || text[i + 1] != '\n') out += '\n';
      ++i;
    } else if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0 &&
               continues(text[i + 1])) {
      i += 2;  // C1 controls, the eight-bit escape sequences
    } else {
      if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f)) out += text[i];
      ++i;
    }
  }
  return out;
}

std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text) columns += continues(c) ? 0 : 1;
  return columns;
}

std::string one_line(const Style& style, std::string_view text, std::size_t columns) {
  std::string clean = harmless(text);
  while (!clean.empty() && clean.back() == '\n') clean.pop_back();
  const auto end = clean.find('\n');
  const bool more_lines = end != clean.npos;
  if (more_lines) clean.resize(end);
  for (char& c : clean) {
    if (c == '\t') c = ' ';
  }
  const std::string_view mark = marks(style).more;
  if (!more_lines && width(clean) <= columns) return clean;
  const std::size_t room = columns > width(mark) ? columns - width(mark) : 0;
  if (width(clean) > room) {
    std::size_t kept = 0;
    for (std::size_t seen = 0; kept < clean.size(); ++kept) {
      if (!continues(clean[kept]) && seen++ == room) break;
    }
    clean.resize(kept);
  }
  return clean.append(mark);
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string out(text);
  const std::size_t has = width(text);
  if (has < columns) out.append(columns - has, ' ');
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  std::vector<std::string_view> lines;
  if (text.empty()) return lines;
  for (;;) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == text.npos) return lines;
    text.remove_prefix(end + 1);
  }
}

}  // namespace quarterdeck::app
