// Ends planning: a person approves the plan, and the build agent carries it out.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_plan_exit();

}  // namespace quarterdeck::tools
