#include "permission/shell.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace quarterdeck::permission {
namespace {

using Texts = std::vector<std::string>;

struct Case {
  std::string line;
  Texts commands;
};

Texts texts(std::string_view line) {
  Texts found;
  for (const auto& command : parse_shell(line).commands) found.push_back(command.text);
  return found;
}

class ShellTable : public ::testing::TestWithParam<Case> {};

TEST_P(ShellTable, FindsEveryCommand) {
  EXPECT_EQ(texts(GetParam().line), GetParam().commands) << GetParam().line;
  EXPECT_TRUE(parse_shell(GetParam().line).understood) << GetParam().line;
}

const Case kCases[] = {
    {"", {}},
    {"   \n\t ", {}},
    {"# nothing", {}},
    {"ls -la", {"ls -la"}},
    {"  ls   -la  ", {"ls   -la"}},
    {"cat f.txt | grep y | wc -l", {"cat f.txt", "grep y", "wc -l"}},
    {"a |& b", {"a", "b"}},
    {"echo a && git status --short && npm run build || true",
     {"echo a", "git status --short", "npm run build", "true"}},
    {"echo a; echo b; echo a", {"echo a", "echo b", "echo a"}},
    {"sleep 0 & echo x", {"sleep 0", "echo x"}},
    {"echo a\n# comment; rm x\necho b # rm y\n", {"echo a", "echo b"}},
    {"echo a#b", {"echo a#b"}},
    {"echo a \\\n  b", {"echo a \\\n  b"}},
    // quoting
    {"echo \"a && b\" 'c; d' e\\;f", {"echo \"a && b\" 'c; d' e\\;f"}},
    {"echo \"a \\\" && b\"", {"echo \"a \\\" && b\""}},
    {"echo $'it\\'s; rm x'; ls", {"echo $'it\\'s; rm x'", "ls"}},
    {"'rm' x", {"'rm' x"}},
    // substitutions
    {"echo $(git rev-parse HEAD | cut -c1-0)",
     {"echo $(git rev-parse HEAD | cut -c1-0)", "git rev-parse HEAD", "cut -c1-0"}},
    {"echo \"x $(rm a) y\"", {"echo \"x $(rm a) y\"", "rm a"}},
    {"echo '$(rm a)'", {"echo '$(rm a)'"}},

    {"echo `pwd | wc -l`", {"echo `pwd | wc -l`", "pwd", "wc -l"}},
    {"echo `echo \\`rm a\\``", {"echo `echo \\`rm a\\``", "echo `rm a`", "rm a"}},
    {"diff <(echo a) >(tee b)", {"diff <(echo a) >(tee b)", "echo a", "tee b"}},
    {"echo ${x:-$(rm a)}", {"echo ${x:-$(rm a)}", "rm a"}},
    {"echo \"${x:-it's $(rm a)}\" ${y:-'}'}", {"echo \"${x:-it's $(rm a)}\" ${y:-'}'}", "rm a"}},
    {"echo ${#x} $# $? $$ $! $1 $", {"echo ${#x} $# $? $$ $! $1 $"}},
    {"echo $((1 + $(cat n)))", {"echo $((1 + $(cat n)))", "cat n"}},
    {"echo $((cat a); (rm b))", {"echo $((cat a); (rm b))", "cat a", "rm b"}},
    {"$(rm a) b", {"$(rm a) b", "rm a"}},
    // assignments
    {"X=1", {}},
    {"FOO=1 BAR=2 env", {"FOO=1 BAR=2 env"}},
    {"X=$(rm a)", {"rm a"}},
    {"a=(1 $(rm b) 2)", {"rm b"}},
    {"a[0]=1 b+=2", {}},
    {"export A=1", {}},
    {"PATH=/evil ; ls", {"PATH=/evil", "ls"}},
    {"export LD_PRELOAD=x.so", {"LD_PRELOAD=x.so"}},
    {"A=1 \\\n make", {"A=1 \\\n make"}},
    // redirections
    {"echo a > out.txt", {"echo a > out.txt"}},
    {"cat f.txt 2>&1 | tee out.txt", {"cat f.txt 2>&1", "tee out.txt"}},
    {"cat < in > out 2>> err ", {"cat < in > out 2>> err"}},
    {"a >x b", {"a >x b"}},
    {"2>/dev/null a b", {"2>/dev/null a b"}},
    {"a &> x; b &>> y", {"a &> x", "b &>> y"}},
    {"a >&2; b <&-; c 3<>f {fd}>g", {"a >&2", "b <&-", "c 3<>f {fd}>g"}},
    {"echo a > $(rm b)", {"echo a > $(rm b)", "rm b"}},
    {"cat <<< \"$(rm b)\"", {"cat <<< \"$(rm b)\"", "rm b"}},
    {"> file", {"> file"}},
    // here-documents
    {"cat <<EOF\nhello $(echo x); rm y\nEOF\nls", {"cat <<EOF\nhello $(echo x); rm y\nEOF", "echo x", "ls"}},
    {"cat <<'EOF' > f.txt\nline $(echo x)\nEOF\ncat f.txt", {"cat <<'EOF' > f.txt\nline $(echo x)\nEOF", "cat f.txt"}},
    {"cat <<-EOF | wc\n\ta\n\tEOF\nls", {"cat <<-EOF\n\ta\n\tEOF", "wc", "ls"}},
    {"cat <<A <<B\n1\nA\n2\nB\nls", {"cat <<A <<B\n1\nA\n2\nB", "ls"}},
    {"echo $(cat <<EOF\nit's\nEOF\n)", {"echo $(cat <<EOF\nit's\nEOF\n)", "cat <<EOF\nit's\nEOF"}},
    // compound commands
    {"(echo a; ls sub)", {"echo a", "ls sub"}},
    {"((i++)); ls", {"ls"}},
    {"((echo a); (rm b))", {"echo a", "rm b"}},
    {"(a) > f; { b; } > g", {"a", "b"}},
    {"{ echo a; echo b; } > out.txt", {"echo a", "echo b"}},
    {"echo {a,b} { }", {"echo {a,b} { }"}},
    {"for i in 1 $(rm a); do echo $i; done", {"rm a", "echo $i"}},
    {"for i do echo $i; done", {"echo $i"}},
    {"for ((i=0;i<3;i++)); do a; done", {"a"}},
    {"for i in *; { a; }", {"a"}},
    {"if true; then echo yes; elif b; then c; else echo no; fi > f", {"true", "echo yes", "b", "c", "echo no"}},
    {"while read x; do a; done < f", {"read x", "a"}},
    {"until a; do b; done", {"a", "b"}},
    {"case $x in a|b) rm a;; (c) ls; echo d;& *) e ;; esac; f", {"rm a", "ls", "echo d", "e", "f"}},
    {"case x in\n a)\n  case y in b) c;; esac\n  ;;\nesac", {"c"}},
    {"f() { echo x; }; f", {"echo x", "f"}},
    {"function g { rm x; }\ng", {"rm x", "g"}},
    {"function h() (rm x)", {"rm x"}},
    {"! false", {"false"}},
    {"[ -f f.txt ] && [[ -d sub && $(a) =~ ^(b|c)$ ]] && echo ok", {"a", "echo ok"}},
    {"[ -f x ] 2>/dev/null || ls", {"ls"}},
    {"echo if then fi", {"echo if then fi"}},
    {"\"if\" a", {"\"if\" a"}},
    // commands given as text
    {"bash -c 'rm x && ls'", {"bash -c 'rm x && ls'", "rm x", "ls"}},
    {"/bin/sh -ec \"rm x\"", {"/bin/sh -ec \"rm x\"", "rm x"}},
    {"eval 'rm x'", {"eval 'rm x'", "rm x"}},
    {"bash script.sh -c a", {"bash script.sh -c a"}},
    {"cd sub && pwd", {"cd sub", "pwd"}},
};
INSTANTIATE_TEST_SUITE_P(Lines, ShellTable, ::testing::ValuesIn(kCases));

TEST(Shell, UnquotesWords) {
  const auto line = parse_shell("A=1 git 'com'mit -m \"a \\\"b\\\" $x\" c\\ d \"\" > f");
  ASSERT_EQ(line.commands.size(), 1U);
  EXPECT_EQ(line.commands[0].words, (Texts{"git", "commit", "-m", "a \"b\" $x", "c d", ""}));
}

TEST(Shell, WhatItCannotReadIsOneMoreCommandThatNoHarmlessPrefixMatches) {
  for (const auto* line : {"echo \"unterminated", "echo 'x", "echo $(ls", "echo `ls", "(ls", "ls)", "echo a; b)",
                           "cat <<EOF\nx", "case x in a) b", "echo ${x", "echo \\", "x=(a", "ls >", "echo a(b)",
                           "coproc x { rm y; }", "[ -f x", "bash -c 'rm \"'"}) {
    const auto parsed = parse_shell(line);
    EXPECT_FALSE(parsed.understood) << line;
    ASSERT_FALSE(parsed.commands.empty());
    EXPECT_EQ(parsed.commands.back().text, std::string(kNotUnderstood) + line);
  }
}

TEST(Shell, AlwaysAllowsThePrefixThatNamesTheAction) {
  const auto always = [](std::string_view line) { return always_pattern(parse_shell(line).commands.at(0)); };
  EXPECT_EQ(always("ls -la"), "ls *");
  EXPECT_EQ(always("git status --short"), "git status *");
  EXPECT_EQ(always("npm run -s nosuch"), "npm run -s *");
  EXPECT_EQ(always("npm install x"), "npm install *");
  EXPECT_EQ(always("docker compose ps"), "docker compose ps *");
  EXPECT_EQ(always("git config --list"), "git config --list *");
  EXPECT_EQ(always("git"), "git *");
  EXPECT_EQ(always("FOO=1 env"), "env *");
  EXPECT_EQ(always("echo 'x"), "(not understood) echo 'x");
}

TEST(Shell, NamesTheFilesOfFileCommands) {
  const auto paths = [](std::string_view line) { return path_arguments(parse_shell(line).commands.at(0)); };
  EXPECT_EQ(paths("rm -rf '/a b' c"), (Texts{"/a b", "c"}));
  EXPECT_EQ(paths("chmod +x f"), Texts{"f"});
  EXPECT_EQ(paths("cd"), Texts{});
  EXPECT_EQ(paths("ls /etc"), Texts{});
}

TEST(Shell, SurvivesGarbage) {
  std::mt19937 random(7);
  const std::string_view pieces[] = {
      "$(",   ")",         "(",       "((",      "$((",  "))", "`",  "\"",       "'",  "$'",         "${",
      "}",    "{ ",        "<<EOF\n", "\nEOF\n", "<(",   ";;", ";",  "&",        "|",  "case x in ", "esac",
      "a) ",  "for i in ", "do ",     "done",    "[[ ",  "]]", "\\", "\n",       "x=", "x=(",        ">",
      "2>&1", "#",         " ",       "rm a",    "\xff", "é",  "$",  "bash -c '"};
  for (int round = 0; round < 20'000; ++round) {
    std::string line;
    for (auto count = random() % 30; count > 0; --count) line += pieces[random() % std::size(pieces)];
    (void)parse_shell(line);
  }
  for (const auto piece : pieces) {
    std::string line;
    while (line.size() < 100'000) line += piece;
    const auto before = std::chrono::steady_clock::now();
    (void)parse_shell(line);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(3)) << piece;
  }
  EXPECT_FALSE(parse_shell(std::string("a\0b", 3)).understood);
}

}  // namespace
}  // namespace quarterdeck::permission
