// The reader behind parse_shell(): one pass over the text, recursive for substitutions and compound commands.
// Laws: never throws on any bytes; every command that bash would run is found or `understood` is false; depth, length
// and number of commands are bounded. Lenient about structure (a stray `fi` is skipped): bash itself complains later.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "permission/shell.hpp"

namespace quarterdeck::permission::shell {

class Parser {
 public:
  explicit Parser(std::string_view text, int depth = 0) : text_(text), depth_(depth) {}
  // False when the text is not understood; `commands()` then holds what was found before.
  bool run();
  std::vector<SimpleCommand>& commands() { return commands_; }

 private:
  enum class Until { end_of_text, closing_paren, case_arm };
  struct Span {
    std::size_t begin;
    std::size_t end;
  };
  struct Word {
    Span span{};
    std::string value;    // unquoted; substitutions as written
    bool quoted = false;  // some of it was quoted: no keyword, no assignment
    bool is_assignment = false;
  };
  static constexpr int kDepthMax = 40;
  static constexpr std::size_t kNoCommand = static_cast<std::size_t>(-1);
  struct Heredoc {
    std::string delimiter;
    bool expands = true;
    bool strips_tabs = false;
    std::size_t command = kNoCommand;  // whose text the body belongs to
  };

  void parse_list(Until until);
  void parse_command();
  bool parse_keyword();
  void parse_case();
  void skip_for_header();
  void skip_function_header();
  void skip_test();
  bool skip_function_parens();
  void emit(const std::vector<Word>& words, Span whole, std::size_t assignments);

  // Each stands at the first character of its thing and ends behind it.
  Word read_word();
  bool read_redirection();
  void skip_redirections();
  void read_single_quotes(std::string* value);
  void read_ansi_quotes(std::string* value);
  void read_double_quotes(std::string* value);
  enum class Quoted { no, yes };
  bool read_expansion(std::string* value, Quoted quoted = Quoted::no);  // $… `…`; false when it is a plain dollar
  void read_parameter(Quoted quoted);                                   // ${…}
  void read_substitution();                 // behind $( <( >(
  void read_backticks();
  bool read_arithmetic(std::size_t after_opening);
  void read_heredoc_bodies();
  void scan_heredoc_body(std::string_view body);

  void skip_blanks();  // also line continuations
  void skip_separators();
  bool at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view what) const { return text_.substr(std::min(at_, text_.size())).starts_with(what); }
  bool at_word_end() const;
  std::string_view keyword_here() const;
  void fail() {
    failed_ = true;
    at_ = text_.size();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_;
  bool failed_ = false;
  std::vector<SimpleCommand> commands_;
  std::vector<Heredoc> heredocs_;
  std::set<std::size_t> not_arithmetic_;  // openings that were tried, so that nesting cannot take exponential time
};

}  // namespace quarterdeck::permission::shell
