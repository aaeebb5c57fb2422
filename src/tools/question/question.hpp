// Asks the person that the agent works for, and waits for the answer.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_question();

}  // namespace quarterdeck::tools
