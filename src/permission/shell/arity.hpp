// How many words of a command line name what it does: 1 for `ls -la`, 2 for `git status -s`, 3 for `npm run build`.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace quarterdeck::permission::shell {

std::size_t prefix_words(std::span<const std::string> words);

}  // namespace quarterdeck::permission::shell
