// Asks language servers: definitions, references, symbols, call hierarchies. Experimental, as in OpenCode: it is there with
// OPENCODE_EXPERIMENTAL_LSP_TOOL (or OPENCODE_EXPERIMENTAL) set to 1 or true.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

bool lsp_tool_wanted();
std::unique_ptr<Tool> make_lsp();

}  // namespace quarterdeck::tools
