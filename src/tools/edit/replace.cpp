#include "tools/edit/replace.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <span>

#include "tools/edit/text_shape.hpp"

namespace quarterdeck::tools {
namespace {

using Lines = std::vector<std::string_view>;
// Gets a candidate; true = stop looking.
using Try = std::function<bool(std::string_view)>;

constexpr double kSimilarityMin = 0.65;
// Tolerant matching compares each line of the file with each line of the text: lines × lines stays below this.
constexpr std::size_t kComparisonsMax = 50'000'000;

struct Sought {
  std::string_view content;
  std::string_view old_text;
  Lines lines;      // of content
  Lines old_lines;  // of old_text
};

// The text from the start of line `first` to the end of line `last`.
std::string_view span(const Sought& sought, std::size_t first, std::size_t last) {
  const char* begin = sought.lines[first].data();
  const char* end = sought.lines[last].data() + sought.lines[last].size();
  return {begin, static_cast<std::size_t>(end - begin)};
}

// Calls `accept` for each window of as many lines as `lines` has.
bool windows(const Sought& sought, std::size_t count, const std::function<bool(std::size_t first)>& matches,
             const Try& attempt) {
  for (std::size_t first = 0; first + count <= sought.lines.size(); ++first) {
    if (matches(first) && attempt(span(sought, first, first + count - 1))) return true;
  }
  return false;
}

Lines without_final_empty(Lines lines) {
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

bool exact(const Sought& sought, const Try& attempt) { return attempt(sought.old_text); }

bool lines_trimmed(const Sought& sought, const Try& attempt) {
  const Lines wanted = without_final_empty(sought.old_lines);
  if (wanted.empty()) return false;
  const auto matches = [&](std::size_t first) {
    const auto here = std::span(sought.lines).subspan(first, wanted.size());
    return std::ranges::equal(wanted, here, {}, trim, trim);
  };
  return windows(sought, wanted.size(), matches, attempt);
}

bool block_anchors(const Sought& sought, const Try& attempt) {
  if (sought.old_lines.size() < 3) return false;
  const Lines wanted = without_final_empty(sought.old_lines);
  const auto first_line = trim(wanted.front()), last_line = trim(wanted.back());
  const std::size_t size_slack = std::max<std::size_t>(1, wanted.size() / 4);
  double best = -1;
  std::optional<std::string_view> block;
  for (std::size_t first = 0; first < sought.lines.size(); ++first) {
    if (trim(sought.lines[first]) != first_line) continue;
    std::size_t last = first + 2;
    while (last < sought.lines.size() && trim(sought.lines[last]) != last_line) ++last;
    if (last >= sought.lines.size()) continue;
    const std::size_t size = last - first + 1;
    if (std::max(size, wanted.size()) - std::min(size, wanted.size()) > size_slack) continue;
    const std::size_t compared = std::min(size, wanted.size()) - 2;
    double alike = compared == 0 ? 1 : 0;
    for (std::size_t i = 1; i <= compared; ++i) {
      const auto here = trim(sought.lines[first + i]), there = trim(wanted[i]);
      if (here.empty() && there.empty()) continue;
      alike += similarity(here, there) / static_cast<double>(compared);
    }
    if (alike > best) {
      best = alike;
      block = span(sought, first, last);
    }
  }
  return block && best >= kSimilarityMin - 1e-9 && attempt(*block);
}

// Where `parts` stand in `line` in order, with any white space between them.
std::optional<std::string_view> find_words(std::string_view line, const Lines& parts) {
  for (std::size_t start = line.find(parts[0]); start != line.npos; start = line.find(parts[0], start + 1)) {
    std::size_t at = start + parts[0].size();
    std::size_t matched = 1;
    for (; matched < parts.size(); ++matched) {
      const std::size_t before = at;
      while (const std::size_t length = space_length(line.substr(at))) at += length;
      if (at == before || !line.substr(at).starts_with(parts[matched])) break;
      at += parts[matched].size();
    }
    if (matched == parts.size()) return line.substr(start, at - start);
  }
  return std::nullopt;
}

bool spaces_collapsed(const Sought& sought, const Try& attempt) {
  const std::string wanted = collapse_spaces(sought.old_text);
  if (wanted.empty()) return false;
  const Lines parts = words(sought.old_text);
  for (const auto line : sought.lines) {
    const std::string collapsed = collapse_spaces(line);
    if (collapsed == wanted) {
      if (attempt(line)) return true;
    } else if (collapsed.contains(wanted)) {
      const auto found = find_words(line, parts);
      if (found && attempt(*found)) return true;
    }
  }
  const std::size_t count = sought.old_lines.size();
  if (count < 2) return false;
  const auto matches = [&](std::size_t first) {
    // Cheap test before the whole window is rebuilt.
    const auto head = collapse_spaces(sought.lines[first]);
    return wanted.starts_with(head) && collapse_spaces(span(sought, first, first + count - 1)) == wanted;
  };
  return windows(sought, count, matches, attempt);
}

std::size_t leading_space(std::string_view line) {
  std::size_t at = 0;
  while (const std::size_t length = space_length(line.substr(at))) at += length;
  return at;
}

std::string without_common_indent(std::span<const std::string_view> lines) {
  std::size_t indent = std::string_view::npos;
  for (const auto line : lines) {
    if (!trim(line).empty()) indent = std::min(indent, leading_space(line));
  }
  std::string out;
  for (const auto line : lines) {
    out += indent == std::string_view::npos || trim(line).empty() ? line : line.substr(indent);
    out += '\n';
  }
  return out;
}

bool indentation_shifted(const Sought& sought, const Try& attempt) {
  const std::string wanted = without_common_indent(sought.old_lines);
  const auto matches = [&](std::size_t first) {
    if (trim(sought.lines[first]) != trim(sought.old_lines[0])) return false;  // cheap, and right for most
    return without_common_indent(std::span(sought.lines).subspan(first, sought.old_lines.size())) == wanted;
  };
  return windows(sought, sought.old_lines.size(), matches, attempt);
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '\\' || next == '\0' || !std::string_view("ntr'\"`\\\n$").contains(next)) {
      out += text[i];
      continue;
    }
    out += next == 'n' ? '\n' : next == 't' ? '\t' : next == 'r' ? '\r' : next;
    ++i;
  }
  return out;
}

bool escapes_undone(const Sought& sought, const Try& attempt) {
  const std::string wanted = unescape(sought.old_text);
  if (sought.content.contains(wanted) && attempt(wanted)) return true;
  const auto count = static_cast<std::size_t>(std::ranges::count(wanted, '\n')) + 1;
  const auto matches = [&](std::size_t first) {
    const auto block = span(sought, first, first + count - 1);
    // Undoing an escape only shortens.
    return block.size() >= wanted.size() && block.contains('\\') && unescape(block) == wanted;
  };
  return windows(sought, count, matches, attempt);
}

bool ends_trimmed(const Sought& sought, const Try& attempt) {
  const auto wanted = trim(sought.old_text);
  if (wanted == sought.old_text || wanted.empty()) return false;
  if (sought.content.contains(wanted) && attempt(wanted)) return true;
  const std::size_t count = sought.old_lines.size();
  const auto matches = [&](std::size_t first) { return trim(span(sought, first, first + count - 1)) == wanted; };
  return windows(sought, count, matches, attempt);
}

bool half_of_the_lines(const Sought& sought, const Try& attempt) {
  if (sought.old_lines.size() < 3) return false;
  const Lines wanted = without_final_empty(sought.old_lines);
  for (std::size_t first = 0; first < sought.lines.size(); ++first) {
    if (trim(sought.lines[first]) != trim(wanted.front())) continue;
    std::size_t last = first + 2;
    while (last < sought.lines.size() && trim(sought.lines[last]) != trim(wanted.back())) ++last;
    if (last >= sought.lines.size() || last - first + 1 != wanted.size()) continue;
    int equal = 0, told = 0;
    for (std::size_t i = 1; i + 1 < wanted.size(); ++i) {
      const auto here = trim(sought.lines[first + i]), there = trim(wanted[i]);
      if (here.empty() && there.empty()) continue;
      ++told;
      equal += here == there;
    }
    if (2 * equal >= told && attempt(span(sought, first, last))) return true;
  }
  return false;
}

constexpr auto kWays = {exact,          lines_trimmed, block_anchors,    spaces_collapsed, indentation_shifted,
                        escapes_undone, ends_trimmed,  half_of_the_lines};

// A tolerant way must not swallow code that the model did not quote.
bool too_large(std::string_view found, std::string_view old_text) {
  const auto line_count = [](std::string_view text) { return std::ranges::count(text, '\n') + 1; };
  const auto asked = line_count(old_text);
  if (line_count(found) >= std::max(asked + 3, 2 * asked)) return true;
  const std::size_t length = utf16_length(trim(found)), asked_length = utf16_length(trim(old_text));
  return asked > 1 && length > std::max(asked_length + 500, 4 * asked_length);
}

std::string replace_all(std::string_view content, std::string_view found, std::string_view new_text) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t next = content.find(found, at);
    out += content.substr(at, next - at);
    if (next == content.npos) return out;
    out += new_text;
    at = next + found.size();
  }
}

}  // namespace

std::expected<std::string, std::string> replace_text(std::string_view content, std::string_view old_text,
                                                     std::string_view new_text, Occurrences occurrences) {
  Sought sought{.content = content, .old_text = old_text, .lines = {}, .old_lines = split_at_line_feeds(old_text)};
  bool found_any = false;
  bool refused = false;
  std::optional<std::string> result;
  const Try attempt = [&](std::string_view candidate) {
    const std::size_t at = candidate.empty() ? content.npos : content.find(candidate);
    if (at == content.npos) return false;
    found_any = true;
    if (too_large(candidate, old_text)) return refused = true;
    if (occurrences == Occurrences::all) {
      result = replace_all(content, candidate, new_text);
      return true;
    }
    if (content.rfind(candidate) != at) return false;
    result.emplace(content.substr(0, at)).append(new_text).append(content.substr(at + candidate.size()));
    return true;
  };
  for (const auto way : kWays) {
    if (way != exact && sought.lines.empty()) {
      sought.lines = split_at_line_feeds(content);
      if (sought.lines.size() * sought.old_lines.size() > kComparisonsMax) break;
    }
    if (way(sought, attempt)) break;
  }
  if (result) return std::move(*result);
  if (refused) {
    return std::unexpected(
        "Refusing replacement because the matched span is much larger than oldString. Re-read the file and provide the "
        "full exact oldString for the intended replacement.");
  }
  if (found_any) {
    return std::unexpected(
        "Found multiple matches for oldString. Provide more surrounding context to make the match unique.");
  }
  return std::unexpected(
      "Could not find oldString in the file. It must match exactly, including whitespace, indentation, and line "
      "endings.");
}

}  // namespace quarterdeck::tools
