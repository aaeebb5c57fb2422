// What a person types into a search, as an expression of FTS5. Pure.
// Law: whatever is typed, the expression is one that FTS5 accepts; no operator of FTS5 can be reached.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace quarterdeck::store::sqlite {

// Words must all be there; "quoted" ones in this order; begin* matches what begins so; -word must not be there.
// Error: `invalid`: no word to look for, or more than 32.
Result<std::string> match_expression(std::string_view typed);

// Scripts without spaces (Chinese, Japanese, Thai): a zero-width space after each character makes each a word.
std::string spaced(std::string_view text);
std::string unspaced(std::string_view text);

}  // namespace quarterdeck::store::sqlite
