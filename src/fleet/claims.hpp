// What an agent says about its work, beside what the server saw. Pure.
// Law: a claim is verified only by a command of its kind that the server ran, whose exit code is its own, that ended with 0
//      after the last change of a file. What hides an exit code (| || ; &) proves nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::fleet {

enum class CheckKind { test, build, lint };
std::string_view name(CheckKind kind);

// A command that checks something, as part of a command line.
struct Check {
  CheckKind kind = CheckKind::test;
  std::string command;  // the simple command
  bool decides = true;  // the exit code of the whole line is 0 only if this one's was
};
std::vector<Check> checks_in(std::string_view command_line);

// Sentences that say that something passes.
struct Claim {
  CheckKind kind = CheckKind::test;
  std::string sentence;
};
std::vector<Claim> claims_in(std::string_view text);

// The simple commands of a line, with what stands between them; quotes are respected. For what reads commands roughly.
struct SimpleCommand {
  std::vector<std::string> words;
  std::string_view before;  // "", "&&", "||", "|", ";", "&"
  std::string_view after;
};
std::vector<SimpleCommand> split_commands(std::string_view line);

}  // namespace quarterdeck::fleet
