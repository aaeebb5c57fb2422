#include "fleet/claims.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace quarterdeck::fleet {
namespace {

constexpr std::size_t kLineBytesMax = 20'000;
constexpr std::size_t kTextBytesMax = 20'000;
constexpr std::size_t kClaimsMax = 20;

bool one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, word) != list.end();
}

std::string_view file_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

bool is_assignment(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == word.npos || equals == 0) return false;
  return std::ranges::all_of(word.substr(0, equals), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// "cd x", "FOO=1", "timeout 60", "npx": what may stand before the program that matters.
std::vector<std::string> without_prefixes(std::vector<std::string> words) {
  for (;;) {
    if (words.empty()) return words;
    const std::string first = words.front();
    const bool plain =
        is_assignment(first) || one_of(first, {"time", "env", "npx", "bunx", "nice", "command", "exec", "{"});
    if (plain) {
      words.erase(words.begin());
    } else if (first == "timeout" && words.size() > 2) {
      words.erase(words.begin(), words.begin() + 2);
    } else if (one_of(first, {"uv", "poetry", "pipenv", "hatch"}) && words.size() > 2 && words[1] == "run") {
      words.erase(words.begin(), words.begin() + 2);
    } else if (first == "python" || first == "python3") {
      if (words.size() < 3 || words[1] != "-m") return words;
      words.erase(words.begin(), words.begin() + 2);
    } else {
      return words;
    }
  }
}

std::optional<CheckKind> kind_of_script(std::string_view script) {
  if (script == "test" || script == "t" || script.starts_with("test:") || script == "check") return CheckKind::test;
  if (script == "build" || script.starts_with("build:")) return CheckKind::build;
  if (one_of(script, {"lint", "typecheck", "type-check"}) || script.starts_with("lint:")) return CheckKind::lint;
  return std::nullopt;
}

// `words`: without prefixes, not empty.
std::optional<CheckKind> kind_of(const std::vector<std::string>& words) {
  const std::string_view program = file_of(words.front());
  const std::string_view second = words.size() > 1 ? std::string_view(words[1]) : "";
  const auto has = [&](std::string_view word) { return std::ranges::find(words, word) != words.end(); };
  if (has("--version") || has("--help") || has("--list") || has("--collect-only")) return std::nullopt;
  if (one_of(program, {"npm", "pnpm", "yarn", "bun", "deno"})) {
    if (second == "run" && words.size() > 2) return kind_of_script(words[2]);
    return kind_of_script(second);
  }
  if (one_of(program, {"cargo", "go", "dotnet", "swift", "bazel", "gradle", "gradlew", "mvn", "mvnw", "mix", "sbt"})) {
    for (const std::string& word : words) {
      if (one_of(word, {"test", "nextest", "verify"})) return CheckKind::test;
      if (one_of(word, {"build", "compile", "package"})) return CheckKind::build;
      if (one_of(word, {"clippy", "vet", "check"})) return CheckKind::lint;
    }
    return std::nullopt;
  }
  if (program == "node") return has("--test") ? std::optional(CheckKind::test) : std::nullopt;
  if (one_of(program, {"make", "ninja", "just", "rake", "cmake"})) {
    if (has("-n") || has("--dry-run")) return std::nullopt;
    for (const std::string& word : words) {
      if (one_of(word, {"test", "tests", "check"})) return CheckKind::test;
      if (word == "lint") return CheckKind::lint;
    }
    if (program == "cmake" && !has("--build")) return std::nullopt;
    return CheckKind::build;
  }
  if (one_of(program, {"pytest", "py.test", "jest", "vitest", "mocha", "ava", "rspec", "phpunit", "ctest", "tox", "nox",
                       "unittest", "bats", "playwright", "cypress"}) ||
      program.ends_with("_test") || program.ends_with("-test") || program == "test.sh" || program == "run_tests.sh" ||
      (program == "test" && words.front().contains('/'))) {
    return CheckKind::test;
  }
  if (one_of(program, {"tsc", "gcc", "g++", "clang", "clang++", "javac", "webpack", "vite"})) return CheckKind::build;
  if (one_of(program, {"eslint", "ruff", "flake8", "pylint", "mypy", "clang-tidy", "golangci-lint", "shellcheck",
                       "stylelint", "biome"})) {
    return CheckKind::lint;
  }
  return std::nullopt;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::vector<std::string> words_of(std::string_view sentence) {
  std::vector<std::string> words;
  std::string word;
  for (const char raw : sentence) {
    const char c = lower(raw);
    const bool part = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' || c == '-';
    if (part) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::optional<CheckKind> claimed_in(std::string_view sentence) {
  if (sentence.find('?') != sentence.npos) return std::nullopt;
  const std::vector<std::string> words = words_of(sentence);
  bool test = false, build = false, lint = false, good = false, built = false, clean = false, failing = false;
  bool doubt = false, now = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const std::string_view before = i > 0 ? std::string_view(words[i - 1]) : "";
    test |= one_of(word, {"test", "tests", "suite", "suites", "spec", "specs", "testsuite", "ci"});
    build |= one_of(word, {"build", "builds", "compilation", "compile"});
    lint |= one_of(word, {"lint", "linter", "linting", "typecheck", "type-check", "eslint"});
    good |= one_of(word, {"pass", "passes", "passed", "passing", "green", "succeed", "succeeds", "succeeded", "success",
                          "successful", "successfully"});
    built |= one_of(word, {"compiles", "builds"});
    clean |= word == "clean";
    now |= word == "now";
    const bool none = before == "0" || before == "no" || before == "zero" || before == "without";
    failing |= !none && one_of(word, {"fail", "fails", "failed", "failing", "failure", "failures", "broken"});
    doubt |= one_of(word, {"not", "never", "cannot", "should", "would", "will", "could", "might", "may", "if",
                           "whether", "until", "once", "unable", "unverified", "cannot", "todo", "when"}) ||
             word.ends_with("n't");
  }
  if (doubt || (failing && !now)) return std::nullopt;
  if (test && good) return CheckKind::test;
  if (lint && (good || clean)) return CheckKind::lint;
  if (built || (build && (good || clean))) return CheckKind::build;
  return std::nullopt;
}

}  // namespace

std::string_view name(CheckKind kind) {
  switch (kind) {
    case CheckKind::test: return "test";
    case CheckKind::build: return "build";
    case CheckKind::lint: return "lint";
  }
  return "";
}

namespace {

// Where the line before the next command ends; the end of the text when a document has none.
std::size_t end_of_documents(std::string_view text, std::size_t at, const std::vector<std::string>& ends) {
  for (const std::string& end : ends) {
    while (at < text.size()) {
      const auto stop = std::min(text.find('\n', at), text.size());
      std::string_view line = text.substr(at, stop - at);
      at = stop + 1;
      while (line.starts_with('\t')) line.remove_prefix(1);
      if (line == end) break;
    }
  }
  return std::min(at, text.size()) - 1;
}

// What the exit code of a line is nobody can tell who only reads the commands.
bool bends_exit_code(const std::vector<std::string>& words) {
  const std::string_view first = words.front();
  return first.ends_with("()") || one_of(first, {"function", "alias", "trap", "eval", "source", "."}) ||
         std::ranges::any_of(words, [](const std::string& word) { return word == "exit" || word == "return"; });
}

// "|| exit 1", "|| false": a failure stays one.
bool keeps_failure(const std::vector<std::string>& words) {
  if (words.size() == 1) return one_of(words[0], {"exit", "return", "false"});
  return words.size() == 2 && one_of(words[0], {"exit", "return"}) && words[1] != "0" &&
         words[1].find_first_not_of("0123456789") == std::string::npos;
}

// The line that "bash -c LINE" runs.
const std::string* shell_line(const std::vector<std::string>& words) {
  if (words.size() < 3 || !one_of(file_of(words.front()), {"sh", "bash", "zsh", "dash"})) return nullptr;
  const std::string& flags = words[1];
  return flags.starts_with('-') && flags.ends_with('c') ? &words[2] : nullptr;
}

constexpr int kShellsMax = 3;

std::vector<Check> checks_below(std::string_view command_line, int depth);

}  // namespace

std::vector<SimpleCommand> split_commands(std::string_view line) {
  line = line.substr(0, kLineBytesMax);
  std::vector<SimpleCommand> out(1);
  std::string word;
  bool in_word = false;
  std::vector<std::string> documents;  // << here-documents whose text begins at the next line: how they end
  bool names_document = false;
  const auto end_word = [&] {
    if (in_word && std::exchange(names_document, false)) {
      documents.push_back(word);
    } else if (in_word && word.starts_with("<<") && !word.starts_with("<<<")) {
      const std::string end = word.substr(word.starts_with("<<-") ? 3 : 2);
      names_document = end.empty();
      if (!end.empty()) documents.push_back(end);
    }
    if (in_word) out.back().words.push_back(std::move(word));
    word.clear();
    in_word = false;
  };
  const auto separate = [&](std::string_view separator) {
    end_word();
    if (out.back().words.empty()) return;
    out.back().after = separator;
    out.push_back({.words = {}, .before = separator, .after = {}});
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const char next = i + 1 < line.size() ? line[i + 1] : '\0';
    if (c == '\\' && next != '\0') {
      word += next;
      in_word = true;
      ++i;
    } else if (c == '\'' || c == '"') {
      in_word = true;
      for (++i; i < line.size() && line[i] != c; ++i) {
        if (c == '"' && line[i] == '\\' && i + 1 < line.size()) ++i;
        word += line[i];
      }
    } else if (c == '#' && !in_word) {
      while (i + 1 < line.size() && line[i + 1] != '\n') ++i;
    } else if (c == '&' && next == '&') {
      separate("&&");
      ++i;
    } else if (c == '|' && next == '|') {
      separate("||");
      ++i;
    } else if (c == '>' && next == '&') {
      word += ">&";
      in_word = true;
      ++i;
    } else if (c == '|') {
      separate("|");
    } else if (c == '&') {
      separate("&");
    } else if (c == ';' || c == '\n') {
      separate(";");
      if (c == '\n' && !documents.empty()) i = end_of_documents(line, i + 1, std::exchange(documents, {}));
    } else if (c == '(' && next == ')') {
      word += "()";
      in_word = true;
      ++i;
    } else if ((c == '(' && !in_word) || (c == ')' && !word.contains('('))) {
      end_word();  // a subshell ends as its last command does
    } else if (c == ' ' || c == '\t' || c == '\r') {
      end_word();
    } else {
      word += c;
      in_word = true;
    }
  }
  end_word();
  if (out.back().words.empty()) out.pop_back();
  return out;
}

std::vector<Check> checks_in(std::string_view command_line) { return checks_below(command_line, 0); }

namespace {

std::vector<Check> checks_below(std::string_view command_line, int depth) {
  std::vector<Check> found;
  std::vector<SimpleCommand> commands = split_commands(command_line);
  // Closing braces are no commands.
  while (!commands.empty() && commands.back().words.front() == "}") {
    commands.pop_back();
    if (!commands.empty()) commands.back().after = "";
  }
  bool pipefail = false, errexit = false, bent = false;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const std::vector<std::string> words = without_prefixes(commands[i].words);
    if (words.empty()) continue;
    if (words.front() == "set") {
      for (const std::string& word : words) {
        pipefail |= word == "pipefail";
        errexit |= word.starts_with("-") && word.contains('e');
      }
      continue;
    }
    if (bends_exit_code(words)) bent = true;
    std::vector<Check> here;
    if (const std::string* line = shell_line(words)) {
      if (depth < kShellsMax) here = checks_below(*line, depth + 1);
    } else if (const auto kind = kind_of(words)) {
      Check& check = here.emplace_back(Check{.kind = *kind, .command = {}});
      for (const std::string& word : words) check.command += check.command.empty() ? word : " " + word;
    }
    if (here.empty()) continue;
    bool decides = commands[i].before != "||" && !bent;
    for (std::size_t at = i; at + 1 < commands.size(); ++at) {
      const std::string_view after = commands[at].after;
      if (after == "&&" || (after == "|" && pipefail) || (after == ";" && errexit)) continue;
      if (after == "||" && at + 2 == commands.size() && keeps_failure(commands[at + 1].words)) break;
      decides = false;
      break;
    }
    if (commands.back().after == "&" || commands[i].after == "&") decides = false;
    for (Check& check : here) {
      check.decides &= decides;
      found.push_back(std::move(check));
    }
  }
  return found;
}

}  // namespace

std::vector<Claim> claims_in(std::string_view text) {
  text = text.substr(0, kTextBytesMax);
  std::vector<Claim> claims;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size() && claims.size() < kClaimsMax; ++i) {
    const bool stop = i == text.size() || text[i] == '\n' || text[i] == '!' || text[i] == ';' || text[i] == '?' ||
                      (text[i] == '.' && (i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n'));
    if (!stop) continue;
    const std::size_t length = i - begin + (i < text.size() && text[i] == '?' ? 1 : 0);
    const std::string_view sentence = text.substr(begin, length);
    begin = i + 1;
    if (const auto kind = claimed_in(sentence)) claims.push_back({*kind, std::string(sentence)});
  }
  return claims;
}

}  // namespace quarterdeck::fleet
