// Orders file names as people expect them: letters by alphabet whatever their case or accent, punctuation and digits
// before them. The order of the Unicode root collation for ASCII and the accented Latin letters; other characters follow
// by code point. Not ICU, because thirty megabytes for the order of a directory listing are too many.
#pragma once

#include <string_view>

namespace quarterdeck::tools {

bool name_before(std::string_view left, std::string_view right);

}  // namespace quarterdeck::tools
