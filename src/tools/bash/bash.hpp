// The bash tool: one shell command in the session's directory, its whole process tree on a leash (process/).
// Output streams to clients while it runs; the model reads the last 2,000 lines or 51,200 bytes of it, the rest is in a
// file. What the command leaves in the background lives until the session ends.
#pragma once

#include <memory>

#include "tools/tool.hpp"

namespace quarterdeck::tools {

std::unique_ptr<Tool> make_bash();

}  // namespace quarterdeck::tools
