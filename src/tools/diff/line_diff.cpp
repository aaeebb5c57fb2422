#include "tools/diff/line_diff.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include <fmt/format.h>

namespace quarterdeck::tools::diff {
namespace {

// Lines as numbers: equal lines, equal numbers.
struct Numbered {
  std::vector<std::int32_t> before, after;
};

Numbered number_lines(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after) {
  std::unordered_map<std::string_view, std::int32_t> numbers;
  const auto convert = [&](const std::vector<std::string_view>& lines) {
    std::vector<std::int32_t> out;
    out.reserve(lines.size());
    for (const auto line : lines) out.push_back(numbers.try_emplace(line, std::ssize(numbers)).first->second);
    return out;
  };
  Numbered numbered;
  numbered.before = convert(before);
  numbered.after = convert(after);
  return numbered;
}

// One step of a path through the edit graph, linked to the step before it.
struct Node {
  std::int32_t previous;
  std::int32_t count;
  Run::Kind kind;
};

class Search {
 public:
  Search(const Numbered& lines)
      : before_(lines.before),
        after_(lines.after),
        old_length_(static_cast<int>(lines.before.size())),
        new_length_(static_cast<int>(lines.after.size())) {}

  // False when it takes more than kEditsMax edits.
  bool run() {
    const int edits_max = std::min(old_length_ + new_length_, kEditsMax);
    offset_ = edits_max + 1;
    best_.assign(static_cast<std::size_t>(2 * offset_ + 1), Path{});
    Path& start = at(0);
    start = {.old_at = -1, .node = -1, .live = true};
    if (follow_same(start, 0) + 1 >= new_length_ && start.old_at + 1 >= old_length_) return finish(start);
    int low = -offset_, high = offset_;
    for (int edits = 1; edits <= edits_max; ++edits) {
      for (int diagonal = std::max(low, -edits); diagonal <= std::min(high, edits); diagonal += 2) {
        const Path removing = at(diagonal - 1);
        const Path adding = at(diagonal + 1);
        at(diagonal - 1).live = false;
        const int new_at = adding.old_at - diagonal;
        const bool can_add = adding.live && new_at >= 0 && new_at < new_length_;
        const bool can_remove = removing.live && removing.old_at + 1 < old_length_;
        Path& path = at(diagonal);
        if (!can_add && !can_remove) {
          path.live = false;
          continue;
        }
        if (!can_remove || (can_add && removing.old_at < adding.old_at)) {
          path = {.old_at = adding.old_at, .node = step(adding.node, Run::Kind::added, 1), .live = true};
        } else {
          path = {.old_at = removing.old_at + 1, .node = step(removing.node, Run::Kind::removed, 1), .live = true};
        }
        const int reached = follow_same(path, diagonal);
        if (path.old_at + 1 >= old_length_ && reached + 1 >= new_length_) return finish(path);
        if (path.old_at + 1 >= old_length_) high = std::min(high, diagonal - 1);
        if (reached + 1 >= new_length_) low = std::max(low, diagonal + 1);
      }
    }
    return false;
  }
  std::vector<Run> take() { return std::move(runs_); }

 private:
  struct Path {
    int old_at = -1;  // index of the last old line consumed
    std::int32_t node = -1;
    bool live = false;
  };

  Path& at(int diagonal) { return best_[static_cast<std::size_t>(diagonal + offset_)]; }

  std::int32_t step(std::int32_t last, Run::Kind kind, int count) {
    Node node{.previous = last, .count = count, .kind = kind};
    if (last >= 0 && nodes_[static_cast<std::size_t>(last)].kind == kind) {
      node.previous = nodes_[static_cast<std::size_t>(last)].previous;
      node.count += nodes_[static_cast<std::size_t>(last)].count;
    }
    nodes_.push_back(node);
    return static_cast<std::int32_t>(nodes_.size() - 1);
  }

  // Returns the index of the last new line consumed.
  int follow_same(Path& path, int diagonal) {
    int old_at = path.old_at, new_at = old_at - diagonal, count = 0;
    while (new_at + 1 < new_length_ && old_at + 1 < old_length_ &&
           before_[static_cast<std::size_t>(old_at + 1)] == after_[static_cast<std::size_t>(new_at + 1)]) {
      ++new_at, ++old_at, ++count;
    }
    if (count > 0) path.node = step(path.node, Run::Kind::same, count);
    path.old_at = old_at;
    return new_at;
  }

  bool finish(const Path& path) {
    for (std::int32_t i = path.node; i >= 0; i = nodes_[static_cast<std::size_t>(i)].previous) {
      const Node& node = nodes_[static_cast<std::size_t>(i)];
      runs_.push_back({.kind = node.kind, .begin = 0, .count = static_cast<std::size_t>(node.count)});
    }
    std::ranges::reverse(runs_);
    return true;
  }

  const std::vector<std::int32_t>& before_;
  const std::vector<std::int32_t>& after_;
  int old_length_, new_length_;
  int offset_ = 0;
  std::vector<Path> best_;
  std::vector<Node> nodes_;
  std::vector<Run> runs_;
};

// What the two share at both ends stays, all between is replaced.
std::vector<Run> replace_middle(const Numbered& lines) {
  const auto& [before, after] = lines;
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t head = 0, tail = 0;
  while (head < shorter && before[head] == after[head]) ++head;
  while (tail < shorter - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  std::vector<Run> runs{{Run::Kind::same, 0, head},
                        {Run::Kind::removed, 0, before.size() - head - tail},
                        {Run::Kind::added, 0, after.size() - head - tail},
                        {Run::Kind::same, 0, tail}};
  std::erase_if(runs, [](const Run& run) { return run.count == 0; });
  return runs;
}

constexpr std::size_t kContext = 4;

// Collects runs into hunks as jsdiff does: unchanged runs of up to eight lines between changes join their hunks.
class HunkWriter {
 public:
  HunkWriter(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after)
      : before_(before), after_(after) {}

  std::string write(const std::vector<Run>& runs) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const Run& run = runs[i];
      if (run.kind == Run::Kind::same) {
        const bool last = i + 1 == runs.size();
        if (open_ && run.count <= 2 * kContext && !last) {
          lines(' ', before_, run.begin, run.count);
        } else if (open_) {
          const std::size_t context = std::min(run.count, kContext);
          lines(' ', before_, run.begin, context);
          close(context);
        }
        old_line_ += run.count;
        new_line_ += run.count;
        continue;
      }
      if (!open_) begin(i > 0 ? &runs[i - 1] : nullptr);
      if (run.kind == Run::Kind::removed) {
        lines('-', before_, run.begin, run.count);
        old_line_ += run.count;
      } else {
        lines('+', after_, run.begin, run.count);
        new_line_ += run.count;
      }
    }
    if (open_) close(0);
    return std::move(out_);
  }

 private:
  void begin(const Run* unchanged) {
    open_ = true;
    const std::size_t context = unchanged ? std::min(unchanged->count, kContext) : 0;
    old_start_ = old_line_ - context;
    new_start_ = new_line_ - context;
    if (unchanged) lines(' ', before_, unchanged->begin + unchanged->count - context, context);
  }
  void close(std::size_t context) {
    const std::size_t old_count = old_line_ - old_start_ + context;
    const std::size_t new_count = new_line_ - new_start_ + context;
    out_ += fmt::format("@@ -{},{} +{},{} @@\n", old_count == 0 ? old_start_ - 1 : old_start_, old_count,
                        new_count == 0 ? new_start_ - 1 : new_start_, new_count);
    out_ += body_;
    body_.clear();
    open_ = false;
  }
  void lines(char mark, const std::vector<std::string_view>& from, std::size_t begin, std::size_t count) {
    for (std::size_t i = begin; i < begin + count; ++i) {
      body_ += mark;
      body_ += from[i];
      if (!from[i].ends_with('\n')) body_ += "\n\\ No newline at end of file\n";
    }
  }

  const std::vector<std::string_view>& before_;
  const std::vector<std::string_view>& after_;
  std::size_t old_line_ = 1, new_line_ = 1, old_start_ = 0, new_start_ = 0;
  bool open_ = false;
  std::string body_, out_;
};

bool is_content(std::string_view line) {
  if (line.starts_with("---") || line.starts_with("+++")) return false;
  return line.starts_with('+') || line.starts_with('-') || line.starts_with(' ');
}

}  // namespace

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

std::vector<Run> line_diff(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after) {
  const Numbered numbered = number_lines(before, after);
  Search search(numbered);
  auto runs = search.run() ? search.take() : replace_middle(numbered);
  std::size_t old_at = 0, new_at = 0;
  for (Run& run : runs) {
    run.begin = run.kind == Run::Kind::added ? new_at : old_at;
    if (run.kind != Run::Kind::added) old_at += run.count;
    if (run.kind != Run::Kind::removed) new_at += run.count;
  }
  return runs;
}

Patch make_patch(std::string_view path, std::string_view before, std::string_view after) {
  const auto old_lines = split_lines(before), new_lines = split_lines(after);
  const auto runs = line_diff(old_lines, new_lines);
  Patch patch;
  patch.text = fmt::format("Index: {0}\n{1}\n--- {0}\n+++ {0}\n", path, std::string(67, '='));
  patch.text += HunkWriter(old_lines, new_lines).write(runs);
  for (const Run& run : runs) {
    if (run.kind == Run::Kind::added) patch.additions += static_cast<int>(run.count);
    if (run.kind == Run::Kind::removed) patch.deletions += static_cast<int>(run.count);
  }
  return patch;
}

std::string trim_common_indent(std::string_view patch) {
  constexpr std::string_view kBlank = " \t\v\f\r";
  std::size_t indent = patch.npos;
  const auto lines = split_lines(patch);
  for (auto line : lines) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (!is_content(line)) continue;
    const std::size_t text = line.find_first_not_of(kBlank, 1);
    if (text != line.npos) indent = std::min(indent, text - 1);
  }
  if (indent == patch.npos || indent == 0) return std::string(patch);
  std::string out;
  out.reserve(patch.size());
  for (const auto line : lines) {
    if (!is_content(line)) {
      out += line;
      continue;
    }
    const std::size_t feed = line.ends_with('\n') ? 1 : 0;
    const std::size_t cut = std::min(indent, line.size() - 1 - feed);
    out += line[0];
    out += line.substr(1 + cut);
  }
  return out;
}

}  // namespace quarterdeck::tools::diff
