// Replaces the session's list of things to do.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_todowrite();

}  // namespace quarterdeck::tools
