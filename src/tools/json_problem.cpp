#include "tools/json_problem.hpp"

#include <cctype>

namespace quarterdeck::tools {
namespace {

constexpr int kDepthMax = 256;

// Walks the text like a parser and stops with the first complaint.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  std::string complaint() {
    if (value(0)) {
      skip_space();
      if (at_ < text_.size()) problem_ = "Unable to parse JSON string";
    }
    return problem_.empty() ? "Unable to parse JSON string" : problem_;
  }

 private:
  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_])) ++at_;
  }
  bool next_is(char c) {
    skip_space();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool eat(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }

  bool value(int depth) {
    skip_space();
    if (at_ == text_.size()) return fail("Unexpected EOF");
    if (depth > kDepthMax) return fail("Unable to parse JSON string");
    const char c = text_[at_];
    if (c == '{') return object(depth);
    if (c == '[') return array(depth);
    if (c == '"') return string();
    if (c == '-' || std::isdigit(static_cast<unsigned char>(c))) {
      while (at_ < text_.size() && std::string_view("+-.0123456789eE").contains(text_[at_])) ++at_;
      return true;
    }
    return word();
  }
  bool word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) ++at_;
    const auto found = text_.substr(start, at_ - start);
    if (found == "true" || found == "false" || found == "null") return true;
    if (found.empty()) return fail("Unrecognized token '" + std::string(1, text_[at_]) + "'");
    return fail("Unexpected identifier \"" + std::string(found) + "\"");
  }
  bool string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') return ++at_, true;
      if (text_[at_] == '\\')
        ++at_;
      else if (static_cast<unsigned char>(text_[at_]) < 0x20)
        return fail("Unterminated string");
    }
    return fail("Unterminated string");
  }
  bool object(int depth) {
    ++at_;
    if (eat('}')) return true;
    if (!next_is('"')) return fail("Expected '}'");
    for (;;) {
      if (!string()) return false;
      if (!eat(':')) return fail("Expected ':' before value in object property definition");
      if (!value(depth + 1)) return false;
      if (!eat(',')) return eat('}') || fail("Expected '}'");
      if (!next_is('"')) return fail("Property name must be a string literal");
    }
  }
  bool array(int depth) {
    ++at_;
    if (eat(']')) return true;
    for (;;) {
      if (!value(depth + 1)) return false;
      if (!eat(',')) return eat(']') || fail("Expected ']'");
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string problem_;
};

}  // namespace

std::string json_problem(std::string_view text) { return "JSON Parse error: " + Walk(text).complaint(); }

}  // namespace quarterdeck::tools
