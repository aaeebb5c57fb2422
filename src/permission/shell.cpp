#include "permission/shell.hpp"

#include <algorithm>
#include <array>

#include "permission/shell/arity.hpp"
#include "permission/shell/parser.hpp"

namespace quarterdeck::permission {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// The text that `bash -c TEXT` or `eval TEXT` runs; null when the command is neither.
const std::string* nested_text(const SimpleCommand& command) {
  if (command.words.empty()) return nullptr;
  std::string_view name = command.words[0];
  name.remove_prefix(name.rfind('/') + 1);
  if (name == "eval") return command.words.size() == 2 ? &command.words[1] : nullptr;
  if (name != "bash" && name != "sh" && name != "dash" && name != "zsh" && name != "ksh") return nullptr;
  for (std::size_t i = 1; i + 1 < command.words.size(); ++i) {
    const std::string& option = command.words[i];
    if (!option.starts_with('-')) return nullptr;
    if (!option.starts_with("--") && option.contains('c')) return &command.words[i + 1];
  }
  return nullptr;
}

}  // namespace

ShellLine parse_shell(std::string_view line) {
  ShellLine result;
  shell::Parser parser(line);
  result.understood = parser.run();
  result.commands = std::move(parser.commands());
  const std::size_t written = result.commands.size();
  for (std::size_t i = 0; i < written; ++i) {
    const std::string* text = nested_text(result.commands[i]);
    if (text == nullptr) continue;
    const std::string inner_text = *text;  // the vector grows below
    shell::Parser inner(inner_text);
    if (!inner.run()) result.understood = false;
    for (auto& command : inner.commands()) result.commands.push_back(std::move(command));
  }
  if (!result.understood) {
    result.commands.push_back({.text = std::string(kNotUnderstood) + std::string(trimmed(line)), .words = {}});
  }
  return result;
}

std::string always_pattern(const SimpleCommand& command) {
  if (command.words.empty()) return command.text;
  const std::size_t count = std::min(shell::prefix_words(command.words), command.words.size());
  std::string pattern;
  for (std::size_t i = 0; i < count; ++i) pattern += command.words[i] + " ";
  return pattern + "*";
}

std::vector<std::string> path_arguments(const SimpleCommand& command) {
  static constexpr std::array<std::string_view, 11> kFileCommands{"cd",    "pushd", "popd",  "rm",    "cp", "mv",
                                                                  "mkdir", "touch", "chmod", "chown", "cat"};
  std::vector<std::string> paths;
  if (command.words.empty() || std::ranges::find(kFileCommands, command.words[0]) == kFileCommands.end()) return paths;
  for (std::size_t i = 1; i < command.words.size(); ++i) {
    const std::string& word = command.words[i];
    if (word.empty() || word.starts_with('-') || (command.words[0] == "chmod" && word.starts_with('+'))) continue;
    paths.push_back(word);
  }
  return paths;
}

}  // namespace quarterdeck::permission
