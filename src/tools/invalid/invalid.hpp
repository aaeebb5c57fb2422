// Stands in for a call that cannot run, so that the model reads why. Never offered to a model.
#pragma once

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_invalid();

}  // namespace quarterdeck::tools
