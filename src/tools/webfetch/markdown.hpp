// An HTML page as Markdown that a model reads: headings with #, lists with "-", fenced code, *emphasis*. The rules,
// escapes and white space are those of Turndown 7, which OpenCode uses; markdown_test.cpp holds us to its output.
// Error: `too_large` (html.hpp). Blocks for long on large pages: call it on the pool.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace quarterdeck::tools {

Result<std::string> html_to_markdown(std::string_view page);

}  // namespace quarterdeck::tools
