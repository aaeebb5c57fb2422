// What a shell command line would run, for permission rules: each simple command of `a && b | c`, of subshells and of
// command substitutions. Understands bash's quoting, not its expansions; what it cannot parse is reported as one command,
// so that a rule for a harmless prefix never matches it by accident.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::permission {

struct SimpleCommand {
  std::string text;                // as written, redirections cut
  std::vector<std::string> words;  // unquoted
};

struct ShellLine {
  std::vector<SimpleCommand> commands;  // `cd` among them
  bool understood = true;
};

ShellLine parse_shell(std::string_view line);

// What "always" would allow for a command: "git status *" for `git status -s`, "ls *" for `ls -la`.
std::string always_pattern(const SimpleCommand& command);

// Words that name files a command reads or writes (of cd, rm, cp, mv, mkdir, touch, chmod, chown, cat …), for the
// external_directory permission.
std::vector<std::string> path_arguments(const SimpleCommand& command);

}  // namespace quarterdeck::permission
