// Which answer a request gets: title, directives, bench marks, scenario, or the default words; the strongest first.
#pragma once

#include "llm/scripted/directives.hpp"
#include "llm/scripted/scenario.hpp"

namespace quarterdeck::llm::scripted {

// `scenario` may be null.
Script decide(const Conversation& conversation, const Scenario* scenario, Memory& memory);

}  // namespace quarterdeck::llm::scripted
