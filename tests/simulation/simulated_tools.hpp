// Tools with every way to end: act once, wait, hang, fail, throw, run a process, ask first. Their arguments say how:
//   {"key": "<prompt>/<step>/<call>", "ms": n}
#pragma once

#include "tools/tool.hpp"
#include "world.hpp"

namespace quarterdeck::simulation {

tools::Registry simulated_tools(World& world, const bool& dead);

}  // namespace quarterdeck::simulation
