#include "app/cli/tool_summary.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "wire/json.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::size_t kFirstLines = 3;
constexpr std::size_t kFailureLines = 6;
constexpr std::size_t kIndent = 4;

std::string relative(std::string_view path, std::string_view directory) {
  if (directory.size() > 1 && path.starts_with(directory)) {
    std::string_view rest = path.substr(directory.size());
    if (rest.empty()) return ".";
    if (rest.front() == '/') return std::string(rest.substr(1));
  }
  return std::string(path);
}

wire::Json parsed(std::string_view text) {
  auto json = wire::parse(text);
  return json ? std::move(*json) : wire::Json();
}

struct Change {
  std::int64_t added = 0;
  std::int64_t removed = 0;
};

Change count_changes(std::string_view patch) {
  Change change;
  for (const auto line : lines_of(patch)) {
    if (line.starts_with("+") && !line.starts_with("+++")) ++change.added;
    if (line.starts_with("-") && !line.starts_with("---")) ++change.removed;
  }
  return change;
}

std::string change_text(const Change& change) { return fmt::format("+{} -{}", change.added, change.removed); }

std::string patched_files(std::string_view patch) {
  std::string files;
  for (auto line : lines_of(patch)) {
    for (const std::string_view head : {"*** Update File: ", "*** Add File: ", "*** Delete File: "}) {
      if (!line.starts_with(head)) continue;
      if (!files.empty()) files += ' ';
      files += line.substr(head.size());
    }
  }
  return files;
}

struct Limits {
  std::size_t first = kFirstLines;
  std::size_t last = 0;  // failures say what matters at their end
};

void show_text(ToolOutcome& outcome, const Style& style, std::string_view text, Limits limits) {
  const std::string clean = harmless(text);
  const auto lines = lines_of(clean);
  const std::size_t columns = style.columns > kIndent + 1 ? style.columns - kIndent - 1 : 1;
  const std::size_t room = limits.first + limits.last;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    // One line too many is shown: a line that says so would take its place.
    if (lines.size() > room + 1 && i >= limits.first && i < lines.size() - limits.last) {
      ++outcome.lines_left_out;
      continue;
    }
    outcome.lines.push_back(one_line(style, lines[i], columns));
  }
}

void show_todos(ToolOutcome& outcome, const Style& style, const wire::Json& metadata, const wire::Json& input) {
  const auto* todos = wire::array_at(metadata, "todos");
  if (todos == nullptr) todos = wire::array_at(input, "todos");
  if (todos == nullptr) return;
  for (const auto& todo : *todos) {
    const std::string status = wire::string_at(todo, "status");
    std::string_view box = "[ ]";
    if (status == "completed") box = "[x]";
    if (status == "in_progress") box = "[>]";
    if (status == "cancelled") box = "[-]";
    const std::string line = fmt::format("{} {}", box, wire::string_at(todo, "content"));
    outcome.lines.push_back(one_line(style, line, style.columns > kIndent ? style.columns - kIndent : 1));
  }
}

ToolOutcome completed(const domain::ToolPart& part, const domain::ToolCompleted& state, const Style& style,
                      std::string_view directory) {
  ToolOutcome outcome;
  const wire::Json metadata = parsed(state.metadata.text);
  const wire::Json input = parsed(state.input.text);
  if (part.tool == "bash") {
    const wire::Json* exit = wire::value_at(metadata, "exit");
    const std::int64_t code = exit != nullptr && !exit->is_null() ? wire::int_at(metadata, "exit") : 0;
    outcome.ok = exit == nullptr || (!exit->is_null() && code == 0);
    if (!outcome.ok) outcome.headline = exit->is_null() ? "stopped" : fmt::format("exit {}", code);
    const Limits limits = outcome.ok ? Limits{} : Limits{.first = 2, .last = kFailureLines - 2};
    if (state.output != "(no output)") show_text(outcome, style, state.output, limits);
  } else if (part.tool == "edit") {
    if (const wire::Json* diff = wire::value_at(metadata, "filediff")) {
      outcome.headline = change_text({wire::int_at(*diff, "additions"), wire::int_at(*diff, "deletions")});
    }
  } else if (part.tool == "apply_patch") {
    if (const auto* files = wire::array_at(metadata, "files")) {
      for (const auto& file : *files) {
        const std::string path =
            wire::string_at(file, "relativePath", relative(wire::string_at(file, "filePath"), directory));
        const std::string line = fmt::format("{} {} {}", wire::string_at(file, "type"), path,
                                             change_text(count_changes(wire::string_at(file, "patch"))));
        outcome.lines.push_back(one_line(style, line, style.columns > kIndent ? style.columns - kIndent : 1));
      }
    }
  } else if (part.tool == "write") {
    const wire::Json* exists = wire::value_at(metadata, "exists");
    const bool replaced = exists != nullptr && exists->is_bool() && exists->get_bool();
    const std::size_t lines = lines_of(wire::string_at(input, "content")).size();
    outcome.headline = fmt::format("{}, {} line{}", replaced ? "replaced" : "new file", lines, lines == 1 ? "" : "s");
  } else if (part.tool == "read") {
    if (const wire::Json* display = wire::value_at(metadata, "display")) {
      const bool directory_listing = wire::string_at(*display, "type") == "directory";
      const std::int64_t total = wire::int_at(*display, directory_listing ? "totalEntries" : "totalLines", -1);
      if (total >= 0) outcome.headline = fmt::format("{} {}", total, directory_listing ? "entries" : "lines");
    }
  } else if (part.tool == "glob") {
    outcome.headline = fmt::format("{} files", wire::int_at(metadata, "count"));
  } else if (part.tool == "grep") {
    outcome.headline = fmt::format("{} matches", wire::int_at(metadata, "matches"));
  } else if (part.tool == "todowrite") {
    show_todos(outcome, style, metadata, input);
  } else if (part.tool == "invalid") {
    outcome.ok = false;
    show_text(outcome, style, state.output, {});
  } else {
    show_text(outcome, style, state.output, {});
  }
  return outcome;
}

}  // namespace

std::string tool_subject(std::string_view tool, std::string_view input_json, std::string_view directory) {
  const wire::Json input = parsed(input_json);
  const auto* members = input.if_object();
  if (members == nullptr || members->empty()) return {};
  if (tool == "bash") return wire::string_at(input, "command");
  if (tool == "read" || tool == "write" || tool == "edit")
    return relative(wire::string_at(input, "filePath"), directory);
  if (tool == "apply_patch") return patched_files(wire::string_at(input, "patchText"));
  if (tool == "glob" || tool == "grep" || tool == "list") {
    std::string subject = wire::string_at(input, "pattern");
    const std::string path = wire::string_at(input, "path");
    if (!path.empty()) subject += (subject.empty() ? "" : "  in ") + relative(path, directory);
    return subject;
  }
  if (tool == "todowrite") return {};
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kGist{
      {{"task", "description"}, {"webfetch", "url"}, {"skill", "name"}, {"invalid", "tool"}}};
  for (const auto& [name, member] : kGist) {
    if (name == tool) return wire::string_at(input, member);
  }
  return wire::to_text(input);
}

ToolOutcome tool_outcome(const domain::ToolPart& part, const Style& style, std::string_view directory) {
  if (const auto* done = std::get_if<domain::ToolCompleted>(&part.state))
    return completed(part, *done, style, directory);
  ToolOutcome outcome;
  outcome.ok = false;
  if (const auto* failed = std::get_if<domain::ToolError>(&part.state)) {
    show_text(outcome, style, failed->error, {.first = kFailureLines});
  }
  return outcome;
}

}  // namespace quarterdeck::app
