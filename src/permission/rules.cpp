#include "permission/rules.hpp"

namespace quarterdeck::permission {
namespace {

// The usual two-pointer walk: linear for one star, never more than pattern * text.
bool matches_exactly(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after_star = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      // One character, which is up to four bytes.
      do ++t;
      while (t < text.size() && (static_cast<unsigned char>(text[t]) & 0xC0U) == 0x80U);
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
  if (matches_exactly(pattern, text)) return true;
  return pattern.ends_with(" *") && matches_exactly(pattern.substr(0, pattern.size() - 2), text);
}

domain::Rule evaluate(std::string_view permission, std::string_view pattern,
                      std::initializer_list<std::span<const domain::Rule>> rulesets) {
  const domain::Rule* last = nullptr;
  for (const auto& rules : rulesets) {
    for (const auto& rule : rules) {
      if (matches(rule.permission, permission) && matches(rule.pattern, pattern)) last = &rule;
    }
  }
  if (last != nullptr) return *last;
  return {.permission = std::string(permission), .pattern = "*", .action = domain::Action::ask};
}

bool is_disabled(std::string_view permission, std::initializer_list<std::span<const domain::Rule>> rulesets) {
  bool disabled = false;
  for (const auto& rules : rulesets) {
    for (const auto& rule : rules) {
      if (!matches(rule.permission, permission)) continue;
      if (rule.action != domain::Action::deny) {
        disabled = false;
      } else if (rule.pattern == "*") {
        disabled = true;
      }
    }
  }
  return disabled;
}

}  // namespace quarterdeck::permission
