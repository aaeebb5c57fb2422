// The parser's lower half: words, quotes, expansions, redirections, here-documents.
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "permission/shell/characters.hpp"
#include "permission/shell/parser.hpp"

namespace quarterdeck::permission::shell {

bool Parser::at_word_end() const { return at_end() || ends_word(peek()); }

Parser::Word Parser::read_word() {
  Word word;
  word.span.begin = at_;
  while (!failed_ && !at_end()) {
    const char c = peek();
    if (c == '\\') {
      if (peek(1) != '\n') word.value += peek(1);
      word.quoted = true;
      if (at_ + 1 >= text_.size()) return fail(), word;
      at_ += 2;
    } else if (c == '\'') {
      word.quoted = true;
      read_single_quotes(&word.value);
    } else if (c == '"') {
      word.quoted = true;
      read_double_quotes(&word.value);
    } else if (c == '$' || c == '`') {
      if (read_expansion(&word.value)) continue;
      word.value += c;
      ++at_;
    } else if ((c == '<' || c == '>') && peek(1) == '(') {
      const auto begin = at_;
      at_ += 2;
      read_substitution();
      word.value += text_.substr(begin, at_ - begin);
    } else if (c == '(' && word.value.ends_with('=') && begins_assignment(word.value)) {
      // NAME=( words… )
      ++at_;
      if (++depth_ > kDepthMax) return fail(), word;
      while (!failed_ && peek() != ')') {
        if (at_end()) return fail(), word;
        const auto before = at_;
        skip_separators();
        if (peek() != ')') read_word();
        if (at_ == before) return fail(), word;
      }
      ++at_;
      --depth_;
    } else if (ends_word(c)) {
      break;
    } else {
      word.value += c;
      ++at_;
      if (c == '=' && !word.quoted && !word.is_assignment) word.is_assignment = begins_assignment(word.value);
    }
  }
  word.span.end = std::min(at_, text_.size());
  return word;
}

void Parser::read_single_quotes(std::string* value) {
  const auto close = text_.find('\'', at_ + 1);
  if (close == std::string_view::npos) return fail();
  if (value != nullptr) value->append(text_.substr(at_ + 1, close - at_ - 1));
  at_ = close + 1;
}

// $'…': escapes stay as written, only the closing quote matters.
void Parser::read_ansi_quotes(std::string* value) {
  for (auto end = at_ + 2; end < text_.size(); ++end) {
    if (text_[end] == '\\') {
      ++end;
    } else if (text_[end] == '\'') {
      if (value != nullptr) value->append(text_.substr(at_ + 2, end - at_ - 2));
      at_ = end + 1;
      return;
    }
  }
  fail();
}

void Parser::read_double_quotes(std::string* value) {
  ++at_;
  while (!failed_) {
    if (at_end()) return fail();
    const char c = peek();
    if (c == '"') {
      ++at_;
      return;
    }
    if ((c == '$' && peek(1) != '\'' && peek(1) != '"') || c == '`') {
      if (read_expansion(value, Quoted::yes)) continue;
    }
    if (c == '\\' && at_ + 1 < text_.size()) {
      const bool escapes = std::string_view("$`\"\\\n").contains(peek(1));
      if (value != nullptr && !escapes) *value += c;
      if (value != nullptr && peek(1) != '\n') *value += peek(1);
      at_ += 2;
      continue;
    }
    if (value != nullptr) *value += c;
    ++at_;
  }
}

bool Parser::read_expansion(std::string* value, Quoted quoted) {
  const auto begin = at_;
  if (peek() == '`') {
    read_backticks();
  } else if (peek(1) == '\'') {
    read_ansi_quotes(value);
    return true;
  } else if (peek(1) == '"') {
    ++at_;
    read_double_quotes(value);
    return true;
  } else if (peek(1) == '{') {
    read_parameter(quoted);
  } else if (peek(1) == '(') {
    if (peek(2) != '(' || !read_arithmetic(at_ + 3)) {
      at_ = begin + 2;
      read_substitution();
    }
  } else {
    return false;
  }
  if (value != nullptr) value->append(text_.substr(begin, std::min(at_, text_.size()) - begin));
  return true;
}

// In double quotes a single quote inside ${…} is an apostrophe: "${x:-it's}".
void Parser::read_parameter(Quoted quoted) {
  if (++depth_ > kDepthMax) fail();
  at_ += 2;
  while (!failed_) {
    if (at_end()) {
      fail();
      break;
    }
    const char c = peek();
    if (c == '}') {
      ++at_;
      break;
    }
    if (c == '\\') {
      at_ += 2;
    } else if (c == '\'' && quoted == Quoted::no) {
      read_single_quotes(nullptr);
    } else if (c == '"') {
      read_double_quotes(nullptr);
    } else if ((c == '$' || c == '`') && (quoted == Quoted::no || peek(1) != '\'') && read_expansion(nullptr, quoted)) {
    } else {
      ++at_;
    }
  }
  --depth_;
}

void Parser::read_substitution() {
  auto outer_heredocs = std::exchange(heredocs_, {});
  parse_list(Until::closing_paren);
  if (!heredocs_.empty()) fail();
  heredocs_ = std::move(outer_heredocs);
}

void Parser::read_backticks() {
  std::string inner;
  for (auto end = at_ + 1; end < text_.size(); ++end) {
    if (text_[end] == '`') {
      at_ = end + 1;
      Parser parser(inner, depth_ + 1);
      if (!parser.run()) return fail();
      std::ranges::move(parser.commands(), std::back_inserter(commands_));
      return;
    }
    if (text_[end] == '\\' && end + 1 < text_.size() && std::string_view("`$\\").contains(text_[end + 1])) ++end;
    inner += text_[end];
  }
  fail();
}

// Behind `((`: true when it ends with `))`, as in (( i++ )) and $(( 1 + 2 )). `((a); (b))` does not: two subshells.
bool Parser::read_arithmetic(std::size_t after_opening) {
  if (not_arithmetic_.contains(after_opening)) return false;
  const auto begin = at_;
  const auto found_before = commands_.size();
  const bool failed_before = failed_;
  at_ = after_opening;
  ++depth_;
  int open = 1;
  while (!failed_ && !at_end() && depth_ <= kDepthMax) {
    const char c = peek();
    if (c == '(') {
      ++open;
    } else if (c == ')' && --open == 0) {
      if (peek(1) != ')') break;
      at_ += 2;
      --depth_;
      return true;
    }
    if (c == '\'') {
      read_single_quotes(nullptr);
    } else if (c == '"') {
      read_double_quotes(nullptr);
    } else if ((c == '$' || c == '`') && read_expansion(nullptr)) {
    } else {
      ++at_;
    }
  }
  --depth_;
  not_arithmetic_.insert(after_opening);
  at_ = begin;
  commands_.resize(found_before);
  failed_ = failed_before;
  return false;
}

// ------------------------------------------------------------------------------------- redirections and blanks

bool Parser::read_redirection() {
  const auto begin = at_;
  auto at = at_;
  while (at < text_.size() && is_digit(text_[at])) ++at;
  if (at == begin && peek() == '{') {  // {name}>file
    while (at < text_.size() && (is_name_start(text_[at]) || is_digit(text_[at]) || text_[at] == '{')) ++at;
    if (at >= text_.size() || text_[at] != '}') return false;
    ++at;
  }
  const auto rest = text_.substr(at);
  static constexpr std::array<std::string_view, 13> kOperators{"<<<", "<<-", "<<", "&>>", "&>", ">>", ">|",
                                                               ">&",  "<&",  "<>", "<",   ">",  ""};
  std::string_view found;
  for (const auto candidate : kOperators) {
    if (rest.starts_with(candidate)) {
      found = candidate;
      break;
    }
  }
  if (found.empty() || ((found == "<" || found == ">") && rest.substr(1).starts_with("("))) return false;
  if (found[0] == '&' && at != begin) return false;
  at_ = at + found.size();
  skip_blanks();
  const auto target_begin = at_;
  Word target = read_word();
  if (at_ == target_begin) {
    fail();
    return true;
  }
  if (found == "<<" || found == "<<-") {
    heredocs_.push_back({.delimiter = target.value, .expands = !target.quoted, .strips_tabs = found == "<<-"});
  }
  return true;
}

// Behind a compound command: `{ …; } > file`, `done < file`.
void Parser::skip_redirections() {
  skip_blanks();
  while (!failed_ && read_redirection()) skip_blanks();
}

void Parser::read_heredoc_bodies() {
  for (const auto& heredoc : std::exchange(heredocs_, {})) {
    const auto begin = at_;
    for (;;) {
      if (at_end()) return fail();  // bash warns and takes the rest; we would rather ask
      const auto line_end = std::min(text_.find('\n', at_), text_.size());
      auto line = text_.substr(at_, line_end - at_);
      const auto line_begin = at_;
      at_ = std::min(line_end + 1, text_.size());
      while (heredoc.strips_tabs && line.starts_with('\t')) line.remove_prefix(1);
      if (line == heredoc.delimiter) {
        if (heredoc.command != kNoCommand)
          commands_[heredoc.command].text.append("\n").append(text_.substr(begin, line_end - begin));
        if (heredoc.expands) scan_heredoc_body(text_.substr(begin, line_begin - begin));
        break;
      }
      // In a substitution the closing parenthesis may follow the delimiter at once.
      if (line_end == text_.size()) return fail();
    }
  }
}

void Parser::scan_heredoc_body(std::string_view body) {
  if (depth_ >= kDepthMax) return fail();
  Parser parser(body, depth_ + 1);
  while (!parser.failed_ && !parser.at_end()) {
    if (parser.peek() == '\\') {
      parser.at_ += 2;
    } else if ((parser.peek() != '$' && parser.peek() != '`') || parser.peek(1) == '\'' || parser.peek(1) == '"' ||
               !parser.read_expansion(nullptr, Quoted::yes)) {
      ++parser.at_;
    }
  }
  if (parser.failed_) return fail();
  std::ranges::move(parser.commands_, std::back_inserter(commands_));
}

void Parser::skip_blanks() {
  for (;;) {
    if (is_blank(peek()) && !at_end()) {
      ++at_;
    } else if (peek() == '\\' && peek(1) == '\n') {
      at_ += 2;
    } else {
      return;
    }
  }
}

// Blanks, newlines (with the here-documents behind them), comments, ; & | && || |&. Not ;; which ends a case arm.
void Parser::skip_separators() {
  while (!failed_) {
    skip_blanks();
    if (at_end()) return;
    if (peek() == '\n') {
      ++at_;
      if (!heredocs_.empty()) read_heredoc_bodies();
    } else if (peek() == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (starts(";;") || starts(";&") || starts("&>")) {
      return;
    } else if (peek() == ';' || peek() == '&' || peek() == '|') {
      ++at_;
    } else {
      return;
    }
  }
}

}  // namespace quarterdeck::permission::shell
