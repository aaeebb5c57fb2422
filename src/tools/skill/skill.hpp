// Loads a skill's instructions into the conversation.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_skill();

}  // namespace quarterdeck::tools
