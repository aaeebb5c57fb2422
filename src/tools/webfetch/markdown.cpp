#include "tools/webfetch/markdown.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>
#include <span>

#include <fmt/format.h>

#include "tools/webfetch/html.hpp"
#include "tools/webfetch/whitespace.hpp"

namespace quarterdeck::tools {
namespace {

using html::Node;

constexpr std::array<std::string_view, 7> kMeaningfulWhenBlank{"a", "table", "thead", "tbody", "tfoot", "th", "td"};
constexpr std::array<std::string_view, 4> kEmbedded{"iframe", "script", "audio", "video"};

// Inside this element all of the page stays together: otherwise a leading <script> would go to a <head> of its own.
constexpr std::string_view kPage = "x-page";

// The bytes of the white space at the start of `text`: JavaScript's \s, so no-break and other Unicode blanks too.
std::size_t leading_space(std::string_view text) {
  constexpr std::array<std::string_view, 6> kWide{"\u00a0", "\ufeff", "\u2028", "\u2029", "\u202f", "\u3000"};
  if (text.empty()) return 0;
  if (std::string_view(" \t\r\n\f\v").contains(text.front())) return 1;
  for (const auto wide : kWide) {
    if (text.starts_with(wide)) return wide.size();
  }
  if (text.starts_with("\u205f")) return 3;
  const bool en_quad_to_hair = text.starts_with("\xe2\x80") && text.size() > 2 &&
                               static_cast<unsigned char>(text[2]) >= 0x80 &&
                               static_cast<unsigned char>(text[2]) <= 0x8a;
  return en_quad_to_hair ? 3 : 0;
}
std::size_t trailing_space(std::string_view text) {
  for (const std::size_t length : {1, 2, 3}) {
    if (text.size() >= length && leading_space(text.substr(text.size() - length)) == length) return length;
  }
  return 0;
}

std::string_view trim(std::string_view text) {
  while (const std::size_t length = leading_space(text)) text.remove_prefix(length);
  while (const std::size_t length = trailing_space(text)) text.remove_suffix(length);
  return text;
}

std::string_view trim_newlines(std::string_view text) {
  const auto first = text.find_first_not_of('\n');
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of('\n') - first + 1);
}

std::string with_backslashes(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.contains(c)) out += '\\';
    out += c;
  }
  return out;
}

// So that words of the page do not turn into markup.
std::string escape(std::string_view text) {
  std::string out = with_backslashes(text, "\\*`[]_");
  const auto digits = std::min(out.find_first_not_of("0123456789"), out.size());
  const auto hashes = std::min(out.find_first_not_of('#'), out.size());
  const std::string_view start = out;
  if (start.starts_with('-') || start.starts_with("+ ") || start.starts_with('=') || start.starts_with("~~~") ||
      start.starts_with('>') || (hashes >= 1 && hashes <= 6 && start.substr(hashes).starts_with(' '))) {
    return "\\" + out;
  }
  if (digits > 0 && start.substr(digits).starts_with(". ")) out.insert(digits, 1, '\\');
  return out;
}

// Line breaks in an attribute would end the link that it is part of.
std::string clean_attribute(std::string_view value) {
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    if (value[at] != '\n') {
      out += value[at++];
      continue;
    }
    out += '\n';
    while (const std::size_t length = leading_space(value.substr(at))) at += length;
  }
  return out;
}

std::string destination(std::string_view url) {
  std::string escaped = with_backslashes(url, "<>()");
  return escaped.contains(' ') ? "<" + escaped + ">" : escaped;
}

std::string title_part(const Node& node) {
  const std::string title = clean_attribute(node.attribute("title"));
  return title.empty() ? "" : fmt::format(" \"{}\"", with_backslashes(title, "\""));
}

bool among(std::span<const std::string_view> tags, const Node& node) {
  return std::ranges::find(tags, node.tag) != tags.end();
}
bool meaningful_when_blank(const Node& node) { return among(kMeaningfulWhenBlank, node) || among(kEmbedded, node); }

// Nothing to see in it and below.
bool is_blank(const Node& node) {
  if (node.is_text()) return trim(node.text).empty();
  if (html::is_void(node) || meaningful_when_blank(node)) return false;
  return std::ranges::all_of(node.children, [](const auto& child) { return is_blank(*child); });
}

const Node* sibling(const Node& node, int offset) {
  if (!node.parent) return nullptr;
  const auto& all = node.parent->children;
  const auto at = static_cast<std::ptrdiff_t>(node.index) + offset;
  return at >= 0 && at < std::ssize(all) ? all[static_cast<std::size_t>(at)].get() : nullptr;
}

class Renderer {
 public:
  std::string children(const Node& node, bool code) const {
    std::string out;
    for (const auto& child : node.children) {
      const bool in_code = code || child->tag == "code";
      join(out, child->is_text() ? (code ? child->text : escape(child->text)) : element(*child, in_code));
    }
    return out;
  }

 private:
  // Never more than one empty line between two pieces.
  static void join(std::string& out, std::string_view piece) {
    const auto kept = out.find_last_not_of('\n') + 1;  // npos + 1 is 0
    const auto first = std::min(piece.find_first_not_of('\n'), piece.size());
    const auto newlines = std::min<std::size_t>(std::max(out.size() - kept, first), 2);
    out.resize(kept);
    out.append(newlines, '\n');
    out += piece.substr(first);
  }

  struct Flanks {
    std::string leading;
    std::string trailing;
  };

  // "<b> x </b>" is " **x** ", but two blanks must not meet.
  static Flanks flanks(const Node& node) {
    if (html::is_block(node)) return {};
    const std::string text = html::text_content(node);
    const std::string_view body = trim(text);
    const std::string_view blanks = " \t\r\n";
    if (body.empty()) {
      const auto ascii = std::min(text.find_first_not_of(blanks), text.size());
      const bool flanked = ascii > 0 && ends_blank(sibling(node, -1));
      return {flanked ? text.substr(ascii) : text, ""};
    }
    const auto start = static_cast<std::size_t>(body.data() - text.data());
    std::string leading = text.substr(0, start);
    std::string trailing = text.substr(start + body.size());
    const auto ascii = std::min(leading.find_first_not_of(blanks), leading.size());
    if (ascii > 0 && ends_blank(sibling(node, -1))) leading.erase(0, ascii);
    const auto last = trailing.find_last_not_of(blanks) + 1;
    if (last < trailing.size() && begins_blank(sibling(node, 1))) trailing.resize(last);
    return {leading, trailing};
  }
  static bool ends_blank(const Node* node) {
    return node && (node->is_text() || !html::is_block(*node)) && html::text_content(*node).ends_with(' ');
  }
  static bool begins_blank(const Node* node) {
    return node && (node->is_text() || !html::is_block(*node)) && html::text_content(*node).starts_with(' ');
  }

  std::string element(const Node& node, bool code) const {
    const std::string content = children(node, code);
    if (node.tag == kPage) return content;
    const Flanks around = flanks(node);
    const bool flanked = !around.leading.empty() || !around.trailing.empty();
    return around.leading + replacement(node, std::string(flanked ? trim(content) : content)) + around.trailing;
  }

  std::string replacement(const Node& node, std::string content) const {
    const std::string& tag = node.tag;
    if (is_blank(node)) return html::is_block(node) ? "\n\n" : "";
    if (tag == "br") return "  \n";
    if (tag == "hr") return "\n\n---\n\n";
    if (tag.size() == 2 && tag[0] == 'h' && tag[1] >= '1' && tag[1] <= '6') {
      return fmt::format("\n\n{} {}\n\n", std::string(static_cast<std::size_t>(tag[1] - '0'), '#'), content);
    }
    if (tag == "blockquote") return "\n\n" + indented(trim_newlines(content), "> ", true) + "\n\n";
    if (tag == "ul" || tag == "ol") return list(node, content);
    if (tag == "li") return list_item(node, content);
    if (tag == "pre" && !node.children.empty() && node.children.front()->tag == "code") {
      return fenced(*node.children.front());
    }
    if (tag == "a" && !node.attribute("href").empty()) {
      return fmt::format("[{}]({}{})", content, destination(node.attribute("href")), title_part(node));
    }
    if (tag == "em" || tag == "i") return trim(content).empty() ? "" : "*" + content + "*";
    if (tag == "strong" || tag == "b") return trim(content).empty() ? "" : "**" + content + "**";
    if (tag == "code") return inline_code(node, std::move(content));
    if (tag == "img") return image(node);
    if (tag == "script" || tag == "style" || tag == "meta" || tag == "link") return "";
    return html::is_block(node) ? "\n\n" + content + "\n\n" : content;
  }

  static std::string indented(std::string_view text, std::string_view prefix, bool first_line) {
    std::string out = first_line ? std::string(prefix) : std::string();
    for (const char c : text) {
      out += c;
      if (c == '\n') out += prefix;
    }
    return out;
  }

  static std::string list(const Node& node, const std::string& content) {
    const Node* parent = node.parent;
    const bool ends_item = parent && parent->tag == "li" && last_element(*parent) == &node;
    return ends_item ? "\n" + content : "\n\n" + content + "\n\n";
  }
  static const Node* last_element(const Node& node) {
    const auto reversed = node.children | std::views::reverse;
    const auto found = std::ranges::find_if(reversed, [](const auto& child) { return !child->is_text(); });
    return found == reversed.end() ? nullptr : found->get();
  }

  static std::string list_item(const Node& node, std::string_view content) {
    std::string prefix = "-   ";
    if (node.parent && node.parent->tag == "ol") {
      long first = 1;
      const std::string_view start = node.parent->attribute("start");
      std::from_chars(start.data(), start.data() + start.size(), first);
      prefix = fmt::format("{}.  ", first + static_cast<long>(node.element_index));
    }
    std::string body(trim_newlines(content));
    if (content.ends_with('\n')) body += '\n';
    return prefix + indented(body, std::string(prefix.size(), ' '), false) + (sibling(node, 1) ? "\n" : "");
  }

  static std::string fenced(const Node& code) {
    constexpr std::string_view kLanguage = "language-";
    const std::string_view classes = code.attribute("class");
    std::string_view language;
    if (const auto at = classes.find(kLanguage); at != classes.npos) {
      language = classes.substr(at + kLanguage.size());
      language = language.substr(0, language.find_first_of(" \t\r\n\f"));
    }
    std::string text = html::text_content(code);
    std::size_t ticks = 3;
    for (std::size_t line = 0; line < text.size();) {
      const auto run = std::min(text.find_first_not_of('`', line), text.size()) - line;
      if (run >= ticks) ticks = run + 1;
      const auto end = text.find('\n', line);
      line = end == text.npos ? text.size() : end + 1;
    }
    if (text.ends_with('\n')) text.pop_back();
    const std::string fence(ticks, '`');
    return fmt::format("\n\n{}{}\n{}\n{}\n\n", fence, language, text, fence);
  }

  static std::string inline_code(const Node& node, std::string content) {
    const bool block = node.parent && node.parent->tag == "pre" && node.parent->children.size() == 1;
    if (block || content.empty()) return content;
    std::string line;
    for (std::size_t at = 0; at < content.size(); ++at) {
      if (content[at] == '\r' && at + 1 < content.size() && content[at + 1] == '\n') continue;
      line += content[at] == '\n' || content[at] == '\r' ? ' ' : content[at];
    }
    const bool blanks_around =
        line.size() > 2 && line.starts_with(' ') && line.ends_with(' ') && line.find_first_not_of(' ') != line.npos;
    const std::string_view pad = line.starts_with('`') || line.ends_with('`') || blanks_around ? " " : "";
    std::string delimiter = "`";
    while (has_run(line, delimiter.size())) delimiter += '`';
    return fmt::format("{}{}{}{}{}", delimiter, pad, line, pad, delimiter);
  }
  static bool has_run(std::string_view text, std::size_t length) {
    for (std::size_t at = text.find('`'); at != text.npos; at = text.find('`', at)) {
      const auto end = std::min(text.find_first_not_of('`', at), text.size());
      if (end - at == length) return true;
      at = end;
    }
    return false;
  }

  static std::string image(const Node& node) {
    const std::string_view source = node.attribute("src");
    if (source.empty()) return "";
    return fmt::format("![{}]({}{})", escape(clean_attribute(node.attribute("alt"))), destination(source),
                       title_part(node));
  }
};

}  // namespace

Result<std::string> html_to_markdown(std::string_view page) {
  TRY(const auto root, html::parse(fmt::format("<{0}>{1}</{0}>", kPage, page)));
  html::collapse_whitespace(*root);
  const std::string out = Renderer().children(*root, false);
  const auto first = std::min(out.find_first_not_of("\t\r\n"), out.size());
  std::string_view body = std::string_view(out).substr(first);
  while (const std::size_t length = trailing_space(body)) body.remove_suffix(length);
  return std::string(body);
}

}  // namespace quarterdeck::tools
