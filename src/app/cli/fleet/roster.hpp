// The roster as text: groups, what needs you first, in columns that fit. Pure.
#pragma once

#include <string>

#include "app/cli/terminal.hpp"
#include "base/clock.hpp"
#include "wire/json.hpp"

namespace quarterdeck::app {

// `roster` is what GET /fleet/roster answers. On a terminal ids are shortened to what tells them apart.
std::string roster_text(const wire::Json& roster, const Style& style, TimeMs now);
// The first so many lines, and a last one that says how many are missing.
std::string clipped(const std::string& text, std::size_t lines_max);

}  // namespace quarterdeck::app
