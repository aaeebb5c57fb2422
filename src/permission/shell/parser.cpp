#include "permission/shell/parser.hpp"

#include <algorithm>
#include <iterator>

#include "permission/shell/characters.hpp"

namespace quarterdeck::permission::shell {
namespace {

constexpr std::size_t kTextMax = 256 * 1024;
constexpr std::size_t kCommandsMax = 2'000;

// Variables that decide what later commands run: setting one is worth a question of its own.
bool is_dangerous_assignment(std::string_view word) {
  const auto name = word.substr(0, word.find_first_of("=+["));
  for (const auto* one : {"PATH", "BASH_ENV", "ENV", "IFS", "PROMPT_COMMAND", "SHELLOPTS", "BASHOPTS", "CDPATH"}) {
    if (name == one) return true;
  }
  return name.starts_with("LD_") || name.starts_with("GIT_") || name.starts_with("BASH_FUNC");
}

bool is_declaration(std::string_view name) {
  for (const auto* one : {"export", "declare", "typeset", "local", "readonly", "unset"}) {
    if (name == one) return true;
  }
  return false;
}

// Words that come before a command or end a compound one.
bool is_skipped_keyword(std::string_view word) {
  for (const auto* one : {"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "!"}) {
    if (word == one) return true;
  }
  return false;
}

}  // namespace

bool Parser::run() {
  if (text_.size() > kTextMax || depth_ > kDepthMax || text_.contains('\0')) return false;
  parse_list(Until::end_of_text);
  if (!at_end()) failed_ = true;
  return !failed_ && heredocs_.empty();
}

// ------------------------------------------------------------------------------------------- lists and commands

void Parser::parse_list(Until until) {
  if (++depth_ > kDepthMax) fail();
  while (!failed_) {
    skip_separators();
    if (at_end()) break;
    if (peek() == ')') {
      if (until == Until::end_of_text) fail();
      break;
    }
    if (until == Until::case_arm && (starts(";;") || starts(";&") || keyword_here() == "esac")) break;
    const auto before = at_;
    parse_command();
    if (at_ == before) fail();  // something unexpected; also the guard against standing still
  }
  if (until == Until::closing_paren && !failed_) {
    if (peek() == ')') {
      ++at_;
    } else {
      fail();
    }
  }
  --depth_;
}

void Parser::parse_command() {
  if (peek() == '(') {
    if (peek(1) != '(' || !read_arithmetic(at_ + 2)) {
      ++at_;
      parse_list(Until::closing_paren);
    }
    return skip_redirections();
  }
  if (parse_keyword()) return;

  std::vector<Word> words;
  std::size_t assignments = 0;
  const auto inner_from = commands_.size();
  const auto heredocs_from = heredocs_.size();
  skip_blanks();
  Span whole{at_, at_};
  while (!failed_) {
    skip_blanks();
    const auto before = at_;
    if (read_redirection()) {
      whole.end = at_;
      continue;
    }
    if (at_end() || peek() == '#' || (at_word_end() && !starts("<(") && !starts(">("))) break;
    Word word = read_word();
    if (at_ == before) break;
    if (assignments == words.size() && word.is_assignment) ++assignments;
    words.push_back(std::move(word));
    whole.end = at_;
    if (peek() == '(') {
      if (words.size() == 1 && assignments == 0 && skip_function_parens()) return;
      return fail();
    }
  }
  if (failed_) return;
  // Found while reading: commands inside substitutions. The one around them goes first.
  std::vector<SimpleCommand> inner(std::make_move_iterator(commands_.begin() + static_cast<std::ptrdiff_t>(inner_from)),
                                   std::make_move_iterator(commands_.end()));
  commands_.resize(inner_from);
  emit(words, whole, assignments);
  if (commands_.size() > inner_from) {
    for (auto i = heredocs_from; i < heredocs_.size(); ++i) heredocs_[i].command = inner_from;
  }
  std::ranges::move(inner, std::back_inserter(commands_));
  if (commands_.size() > kCommandsMax) fail();
}

void Parser::emit(const std::vector<Word>& words, Span whole, std::size_t assignments) {
  if (failed_ || whole.end == whole.begin) return;
  const auto text_of = [this](Span span) { return std::string(text_.substr(span.begin, span.end - span.begin)); };
  if (words.empty()) {
    commands_.push_back({.text = text_of(whole), .words = {}});  // `> file` alone empties the file
    return;
  }
  if (words.size() == assignments || is_declaration(words[assignments].value)) {
    for (const auto& word : words) {
      if (begins_assignment(word.value) && is_dangerous_assignment(word.value)) {
        commands_.push_back({.text = text_of(word.span), .words = {word.value}});
      }
    }
    return;
  }
  SimpleCommand command{.text = text_of(whole), .words = {}};
  for (std::size_t i = assignments; i < words.size(); ++i) command.words.push_back(words[i].value);
  commands_.push_back(std::move(command));
}

std::string_view Parser::keyword_here() const {
  auto end = std::min(at_, text_.size());
  const auto begin = end;
  while (end < text_.size() && !ends_word(text_[end])) ++end;
  return text_.substr(begin, end - begin);
}

bool Parser::parse_keyword() {
  const auto word = keyword_here();
  if (word == "case") {
    parse_case();
  } else if (word == "for" || word == "select") {
    skip_for_header();
  } else if (word == "function") {
    skip_function_header();
  } else if (word == "[[" || word == "[") {
    skip_test();
    skip_redirections();
  } else if (word == "coproc") {
    fail();  // its optional name looks like a command
  } else if (is_skipped_keyword(word)) {
    at_ += word.size();
    skip_redirections();
  } else {
    return false;
  }
  return true;
}

// case WORD in [(] PATTERN [| PATTERN]… ) LIST ;; … esac
void Parser::parse_case() {
  at_ += 4;
  skip_blanks();
  read_word();
  skip_separators();
  if (keyword_here() != "in") return fail();
  at_ += 2;
  while (!failed_) {
    while (starts(";;") || starts(";&")) at_ += starts(";;&") ? 3 : 2;
    skip_separators();
    if (at_end()) return fail();
    if (keyword_here() == "esac") {
      at_ += 4;
      return;
    }
    if (peek() == '(') ++at_;
    while (!failed_ && peek() != ')') {
      skip_blanks();
      if (peek() == '|') ++at_;
      skip_blanks();
      const auto before = at_;
      if (peek() != ')') read_word();
      skip_blanks();
      if (at_ == before) return fail();
    }
    if (failed_) return;
    ++at_;
    parse_list(Until::case_arm);
  }
}

// for NAME [in WORD…] · for ((…)) · select NAME [in WORD…]
void Parser::skip_for_header() {
  at_ += keyword_here().size();
  skip_blanks();
  if (starts("((")) {
    if (!read_arithmetic(at_ + 2)) fail();
    return;
  }
  read_word();
  skip_blanks();
  if (keyword_here() != "in") return;
  while (!failed_) {
    skip_blanks();
    if (at_end() || peek() == ';' || peek() == '\n' || peek() == '#') return;
    const auto before = at_;
    read_word();
    if (at_ == before) return fail();
  }
}

void Parser::skip_function_header() {
  at_ += 8;
  skip_blanks();
  read_word();
  skip_blanks();
  if (peek() == '(' && !skip_function_parens()) fail();
}

bool Parser::skip_function_parens() {
  auto end = at_ + 1;
  while (end < text_.size() && is_blank(text_[end])) ++end;
  if (end >= text_.size() || text_[end] != ')') return false;
  at_ = end + 1;
  return true;
}

// [ … ] and [[ … ]] run nothing but the substitutions inside.
void Parser::skip_test() {
  const bool is_double = starts("[[");
  const std::string_view closing = is_double ? "]]" : "]";
  at_ += closing.size();
  while (!failed_) {
    skip_blanks();
    if (at_end() || (!is_double && at_word_end())) return fail();
    if (keyword_here() == closing) {
      at_ += closing.size();
      return;
    }
    // Inside [[ ]] the operators && || ( ) < > and newlines belong to the test.
    if (is_double && (ends_word(peek())) && !starts("<(") && !starts(">(")) {
      ++at_;
      continue;
    }
    const auto before = at_;
    read_word();
    if (at_ == before) return fail();
  }
}

}  // namespace quarterdeck::permission::shell
