#include "session/commands.hpp"

#include <algorithm>
#include <map>

#include "mcp/servers.hpp"
#include "session/embedded/kInitCommand.hpp"
#include "session/embedded/kReviewCommand.hpp"

namespace quarterdeck::session {
namespace {

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

// Words, with "quotes" and 'quotes' as one, and the places of pasted pictures ("[Image 1]").
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (is_space(c)) {
      ++at;
      continue;
    }
    std::size_t end = text.npos;
    if (c == '"' || c == '\'') {
      end = text.find(c, at + 1);
      if (end == text.npos) {  // a quote alone is nothing
        ++at;
        continue;
      }
      words.emplace_back(text.substr(at + 1, end - at - 1));
      at = end + 1;
      continue;
    }
    if (text.substr(at).starts_with("[Image ")) end = text.find(']', at);
    if (end != text.npos) {
      ++end;
    } else {
      end = at;
      while (end < text.size() && !is_space(text[end]) && text[end] != '"' && text[end] != '\'') ++end;
    }
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

struct Numbered {
  std::size_t at = 0;
  std::size_t length = 0;
  std::size_t number = 0;
};

std::vector<Numbered> numbered_places(std::string_view text) {
  std::vector<Numbered> places;
  for (std::size_t at = text.find('$'); at != text.npos; at = text.find('$', at + 1)) {
    std::size_t end = at + 1;
    std::size_t number = 0;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') {
      number = std::min<std::size_t>(number * 10 + static_cast<std::size_t>(text[end] - '0'), 1'000'000);
      ++end;
    }
    if (end > at + 1) places.push_back({at, end - at, number});
  }
  return places;
}

CommandInfo of_skill(const workspace::Skill& skill) {
  return {.name = skill.name,
          .description = skill.description,
          .source = "skill",
          .text = fmt::format("{}\n\nBase directory for this skill: {}\nRelative paths in this skill (e.g., scripts/, "
                              "references/) are relative to this base directory.",
                              skill.content, skill.location.parent_path().string()),
          .from_project = skill.from_project};
}

// What a name may hold.
std::string plain(std::string text) {
  for (char& c : text) {
    const bool fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!fine) c = '_';
  }
  return text;
}

}  // namespace

std::map<std::string, std::string> named_arguments(const McpPrompt& prompt, std::string_view arguments) {
  const std::vector<std::string> words = words_of(arguments);
  std::map<std::string, std::string> named;
  for (std::size_t i = 0; i < prompt.arguments.size() && i < words.size(); ++i) {
    const bool last = i + 1 == prompt.arguments.size();
    const auto from = words.begin() + static_cast<std::ptrdiff_t>(i);
    named[prompt.arguments[i]] = last ? fmt::format("{}", fmt::join(from, words.end(), " ")) : words[i];
  }
  return named;
}

std::vector<CommandInfo> commands_of(const Instance& instance) {
  std::map<std::string, CommandInfo> all;
  const std::string worktree = instance.location.worktree.string();
  all["init"] = {.name = "init",
                 .description = "guided AGENTS.md setup",
                 .source = "command",
                 .text = replaced(std::string(kInitCommand), "${path}",
                                  worktree == "/" ? instance.location.directory.string() : worktree)};
  all["review"] = {.name = "review",
                   .description = "review changes [commit|branch|pr], defaults to uncommitted",
                   .source = "command",
                   .text = std::string(kReviewCommand),
                   .subtask = true};
  for (const auto& [name, command] : instance.config.commands) {
    all[name] = {.name = name,
                 .description = command.description.value_or(""),
                 .source = "command",
                 .text = command.template_text,
                 .agent = command.agent,
                 .model = command.model,
                 .subtask = command.subtask,
                 .from_project = command.from_project};
  }
  for (auto& [name, command] : all) command.hints = hints_of(command.text);
  if (instance.mcp) {
    for (mcp::Prompt& prompt : instance.mcp->prompts()) {
      const std::string name = plain(prompt.server) + ":" + plain(prompt.name);
      CommandInfo command{.name = name, .description = std::move(prompt.description), .source = "mcp"};
      for (std::size_t i = 1; i <= prompt.arguments.size(); ++i) command.hints.push_back(fmt::format("${}", i));
      command.prompt = McpPrompt{std::move(prompt.server), std::move(prompt.name), std::move(prompt.arguments)};
      all[name] = std::move(command);
    }
  }
  for (const workspace::Skill& skill : instance.skills) all.try_emplace(skill.name, of_skill(skill));
  std::vector<CommandInfo> out;
  for (auto& [name, command] : all) out.push_back(std::move(command));
  return out;
}

const CommandInfo* find_command(const std::vector<CommandInfo>& commands, std::string_view name) {
  const auto found = std::ranges::find(commands, name, &CommandInfo::name);
  return found == commands.end() ? nullptr : &*found;
}

std::vector<std::string> hints_of(std::string_view text) {
  std::vector<std::string> hints;
  for (const Numbered& place : numbered_places(text)) hints.emplace_back(text.substr(place.at, place.length));
  std::ranges::sort(hints);
  hints.erase(std::unique(hints.begin(), hints.end()), hints.end());
  if (text.contains("$ARGUMENTS")) hints.emplace_back("$ARGUMENTS");
  return hints;
}

std::string expand(std::string_view text, std::string_view arguments) {
  const std::vector<std::string> words = words_of(arguments);
  const std::vector<Numbered> places = numbered_places(text);
  std::size_t last = 0;
  for (const Numbered& place : places) last = std::max(last, place.number);
  // $ARGUMENTS in what an argument says stays as it is.
  const auto with_all = [&](std::string_view piece) { return replaced(std::string(piece), "$ARGUMENTS", arguments); };
  std::string out;
  std::size_t from = 0;
  for (const Numbered& place : places) {
    out += with_all(text.substr(from, place.at - from));
    from = place.at + place.length;
    if (place.number == 0 || place.number > words.size()) continue;
    const auto first = words.begin() + static_cast<std::ptrdiff_t>(place.number - 1);
    if (place.number == last) {
      out += fmt::format("{}", fmt::join(first, words.end(), " "));
    } else {
      out += *first;
    }
  }
  out += with_all(text.substr(from));
  const bool takes_none = places.empty() && !text.contains("$ARGUMENTS");
  if (takes_none && arguments.find_first_not_of(" \t\r\n") != arguments.npos) out += fmt::format("\n\n{}", arguments);
  return out;
}

std::vector<ShellPlace> shell_places(std::string_view text) {
  std::vector<ShellPlace> places;
  for (std::size_t at = text.find("!`"); at != text.npos; at = text.find("!`", at)) {
    const std::size_t end = text.find('`', at + 2);
    if (end == text.npos) break;
    if (end > at + 2) places.push_back({at, end + 1 - at, std::string(text.substr(at + 2, end - at - 2))});
    at = end + 1;
  }
  return places;
}

}  // namespace quarterdeck::session
