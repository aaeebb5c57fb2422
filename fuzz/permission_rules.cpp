// Wildcards agree with the plain recursive definition; the last matching rule wins.
#include <algorithm>

#include "fuzz_target.hpp"
#include "permission/rules.hpp"

namespace {

// `?` is one character, which the plain definition knows of ASCII only.
bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool plain(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return plain(pattern.substr(1), text) || (!text.empty() && plain(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) && plain(pattern.substr(1), text.substr(1));
}

}  // namespace

FUZZ_TARGET(permission_rules) {
  using namespace quarterdeck;
  const auto cut = input.find('\n');
  const std::string_view pattern = input.substr(0, cut);
  const std::string_view text = cut == std::string_view::npos ? std::string_view{} : input.substr(cut + 1);
  const bool found = permission::matches(pattern, text);
  if (pattern.size() <= 10 && text.size() <= 14 && is_ascii(text)) {
    bool expected = plain(pattern, text);
    if (pattern.ends_with(" *")) expected = expected || plain(pattern.substr(0, pattern.size() - 2), text);
    CHECK(found == expected);
  }
  const domain::Ruleset rules{{"*", "*", domain::Action::ask}, {"bash", std::string(pattern), domain::Action::deny}};
  const auto rule = permission::evaluate("bash", text, {rules});
  CHECK(rule.action == (found ? domain::Action::deny : domain::Action::ask));
}
