// What a shell command line would run, for permission rules: each simple command of `a && b | c`, of subshells, of
// command substitutions and of `bash -c '…'` (one level). Understands bash's quoting, not its expansions.
// Law: of a line that it cannot parse it reports what it found and then the whole line behind kNotUnderstood, so that a
// rule for a harmless prefix ("echo *") never allows it by accident. Never throws, linear in the line's length.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::permission {

inline constexpr std::string_view kNotUnderstood = "(not understood) ";

struct SimpleCommand {
  std::string text;  // as written: with its assignments, redirections, here-documents
  std::vector<std::string> words;  // unquoted, without leading assignments; substitutions as written
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
