// A command line: what it would run, or a line that no harmless rule allows. Never slow, never a throw.
#include "permission/shell.hpp"
#include "fuzz_target.hpp"

FUZZ_TARGET(shell) {
  using namespace quarterdeck::permission;
  const ShellLine line = parse_shell(input);
  if (!line.understood) {
    CHECK(!line.commands.empty());
    CHECK(line.commands.back().text.starts_with(kNotUnderstood));
  }
  for (const SimpleCommand& command : line.commands) {
    (void)always_pattern(command);
    for (const std::string& path : path_arguments(command)) CHECK(path.size() <= input.size() + 1);
  }
}
