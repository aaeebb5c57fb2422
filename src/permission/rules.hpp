// What the rules say about one request. Pure.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "domain/permission.hpp"

namespace quarterdeck::permission {

// `*` any characters including '/', `?` one character; a trailing " *" also matches nothing, so "ls *" matches "ls".
bool matches(std::string_view pattern, std::string_view text);

// The last matching rule over all sets, in order; `ask` when none matches.
domain::Rule evaluate(std::string_view permission, std::string_view pattern,
                      std::initializer_list<std::span<const domain::Rule>> rulesets);

// True when no pattern can ever be allowed (the last rule for this permission with pattern "*" denies, and no later one
// allows anything): such a tool is not offered to the model.
bool is_disabled(std::string_view permission, std::initializer_list<std::span<const domain::Rule>> rulesets);

}  // namespace quarterdeck::permission
