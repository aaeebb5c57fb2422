#include "tools/apply_patch/patch_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/edit/text_shape.hpp"

namespace quarterdeck::tools {
namespace {

// cat <<'EOF' … EOF around the patch.
std::string_view without_heredoc(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("cat")) rest = trim(rest.substr(3));
  if (!rest.starts_with("<<")) return text;
  rest.remove_prefix(2);
  const auto first_feed = rest.find('\n'), last_feed = rest.rfind('\n');
  if (first_feed == rest.npos || first_feed == last_feed) return text;
  std::string_view mark = trim(rest.substr(0, first_feed));
  if (mark.size() > 2 && (mark.front() == '\'' || mark.front() == '"') && mark.back() == mark.front()) {
    mark = mark.substr(1, mark.size() - 2);
  }
  if (mark.empty() || trim(rest.substr(last_feed)) != mark) return text;
  return rest.substr(first_feed + 1, last_feed - first_feed - 1);
}

// Reads the lines between the markers.
class Parser {
 public:
  explicit Parser(std::span<const std::string_view> lines) : lines_(lines) {}

  std::vector<Section> sections() {
    std::vector<Section> found;
    while (at_ < lines_.size()) {
      const auto line = lines_[at_++];
      if (const auto path = header(line, "*** Add File:")) {
        found.push_back({.kind = Section::Kind::add, .path = std::string(*path), .content = added_lines()});
      } else if (const auto removed = header(line, "*** Delete File:")) {
        found.push_back({.kind = Section::Kind::remove, .path = std::string(*removed)});
      } else if (const auto updated = header(line, "*** Update File:")) {
        Section section{.kind = Section::Kind::update, .path = std::string(*updated)};
        if (at_ < lines_.size()) {
          if (const auto target = header(lines_[at_], "*** Move to:")) {
            section.move_to = *target;
            ++at_;
          }
        }
        section.chunks = chunks();
        found.push_back(std::move(section));
      }
    }
    return found;
  }

 private:
  static std::optional<std::string_view> header(std::string_view line, std::string_view name) {
    if (!line.starts_with(name)) return std::nullopt;
    const auto rest = trim(line.substr(name.size()));
    return rest.empty() ? std::nullopt : std::optional(rest);
  }
  bool in_section() const { return at_ < lines_.size() && !lines_[at_].starts_with("***"); }

  std::string added_lines() {
    std::string content;
    for (; in_section(); ++at_) {
      if (lines_[at_].starts_with('+')) content.append(lines_[at_].substr(1)).append("\n");
    }
    return content == "\n" ? "" : content;
  }
  std::vector<Chunk> chunks() {
    std::vector<Chunk> found;
    for (; in_section(); ++at_) {
      const auto line = lines_[at_];
      if (line.starts_with("@@")) {
        found.push_back({.anchor = std::string(trim(line.substr(2)))});
        continue;
      }
      if (found.empty() || line.empty()) continue;
      const std::string text(line.substr(1));
      if (line[0] == ' ' || line[0] == '-') found.back().old_lines.push_back(text);
      if (line[0] == ' ' || line[0] == '+') found.back().new_lines.push_back(text);
    }
    return found;
  }

  std::span<const std::string_view> lines_;
  std::size_t at_ = 0;
};

std::string_view trim_end(std::string_view text) {
  const auto trimmed = trim(text);
  return trimmed.empty() ? trimmed : text.substr(0, static_cast<std::size_t>(trimmed.end() - text.begin()));
}

// Typographic characters as a keyboard has them.
std::string plain(std::string_view text) {
  struct Pair {
    std::string_view from, to;
  };
  constexpr std::array<Pair, 16> kPairs{{{"‘", "'"},
                                         {"’", "'"},
                                         {"‚", "'"},
                                         {"‛", "'"},
                                         {"“", "\""},
                                         {"”", "\""},
                                         {"„", "\""},
                                         {"‟", "\""},
                                         {"‐", "-"},
                                         {"‑", "-"},
                                         {"‒", "-"},
                                         {"–", "-"},
                                         {"—", "-"},
                                         {"―", "-"},
                                         {"…", "..."},
                                         {"\xC2\xA0", " "}}};
  std::string out;
  text = trim(text);
  while (!text.empty()) {
    const auto pair = std::ranges::find_if(kPairs, [&](const Pair& p) { return text.starts_with(p.from); });
    out += pair == kPairs.end() ? text.substr(0, 1) : pair->to;
    text.remove_prefix(pair == kPairs.end() ? 1 : pair->from.size());
  }
  return out;
}

using Lines = std::vector<std::string_view>;

// Where `wanted` stands in `lines`, from `start` on: exactly, else with ever more tolerance.
template <class Wanted>
std::optional<std::size_t> seek(const Lines& lines, std::span<const Wanted> wanted, std::size_t start) {
  const auto pass = [&](auto view) -> std::optional<std::size_t> {
    for (std::size_t first = start; first + wanted.size() <= lines.size(); ++first) {
      std::size_t equal = 0;
      while (equal < wanted.size() && view(lines[first + equal]) == view(wanted[equal])) ++equal;
      if (equal == wanted.size()) return first;
    }
    return std::nullopt;
  };
  if (wanted.empty()) return std::nullopt;
  if (const auto found = pass([](std::string_view line) { return line; })) return found;
  if (const auto found = pass(trim_end)) return found;
  if (const auto found = pass(trim)) return found;
  return pass(plain);
}

struct Replacement {
  std::size_t at;
  std::size_t order;  // in the patch
  std::size_t removed;
  std::span<const std::string> added;
};

}  // namespace

std::expected<std::vector<Section>, std::string> parse_patch(std::string_view text) {
  if (text.empty()) return std::unexpected("patchText is required");
  const auto lines = split_at_line_feeds(without_heredoc(trim(text)));
  const auto marker = [&](std::string_view name) { return std::ranges::find(lines, name, trim); };
  const auto begin = marker("*** Begin Patch"), end = marker("*** End Patch");
  if (begin == lines.end() || end == lines.end() || begin >= end) {
    return std::unexpected("apply_patch verification failed: Error: Invalid patch format: missing Begin/End markers");
  }
  auto sections = Parser(std::span(begin + 1, end)).sections();
  if (!sections.empty()) return sections;
  const bool nothing = begin + 1 == end;
  return std::unexpected(nothing ? "patch rejected: empty patch" : "apply_patch verification failed: no hunks found");
}

std::expected<std::string, std::string> apply_chunks(std::string_view text, const std::vector<Chunk>& chunks,
                                                     std::string_view shown_path) {
  Lines lines = split_at_line_feeds(text);
  if (lines.back().empty()) lines.pop_back();
  std::vector<Replacement> replacements;
  std::size_t from = 0;
  for (const Chunk& chunk : chunks) {
    if (!chunk.anchor.empty()) {
      const auto found = seek(lines, std::span(&chunk.anchor, 1), from);
      if (!found)
        return std::unexpected(fmt::format("Error: Failed to find context '{}' in {}", chunk.anchor, shown_path));
      from = *found + 1;
    }
    if (chunk.old_lines.empty()) {
      const bool blank_end = !lines.empty() && lines.back().empty();
      replacements.push_back({lines.size() - (blank_end ? 1 : 0), replacements.size(), 0, chunk.new_lines});
      continue;
    }
    std::span<const std::string> wanted(chunk.old_lines), added(chunk.new_lines);
    auto found = seek(lines, wanted, from);
    if (!found && wanted.back().empty()) {
      wanted = wanted.first(wanted.size() - 1);
      if (!added.empty() && added.back().empty()) added = added.first(added.size() - 1);
      found = seek(lines, wanted, from);
    }
    if (!found) {
      return std::unexpected(
          fmt::format("Error: Failed to find expected lines in {}:\n{}", shown_path, fmt::join(chunk.old_lines, "\n")));
    }
    replacements.push_back({*found, replacements.size(), wanted.size(), added});
    from = *found + wanted.size();
  }
  std::ranges::sort(replacements, {}, [](const Replacement& r) { return std::pair(r.at, r.order); });

  std::string out;
  const auto append = [&out](std::string_view line) { out.append(line).append("\n"); };
  std::size_t at = 0;
  for (const auto& replacement : replacements) {
    for (; at < replacement.at; ++at) append(lines[at]);
    std::ranges::for_each(replacement.added, append);
    at = replacement.at + replacement.removed;
  }
  for (; at < lines.size(); ++at) append(lines[at]);
  return out;
}

}  // namespace quarterdeck::tools
