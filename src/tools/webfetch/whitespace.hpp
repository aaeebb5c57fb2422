// White space as a browser shows it: runs become one blank, none stays at the edges of blocks, <pre> keeps its own.
#pragma once

#include "tools/webfetch/html.hpp"

namespace quarterdeck::tools::html {

bool is_block(const Node& node);
bool is_void(const Node& node);  // never has content: br, img, hr…

// Changes the texts below `root`, removing those that end up empty, and numbers the children.
void collapse_whitespace(Node& root);

}  // namespace quarterdeck::tools::html
