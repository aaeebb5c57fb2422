// Gives a piece of work to a subagent: a child session with a context of its own.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_task();

}  // namespace quarterdeck::tools
