// Agents as clients see them (GET /agent). How agents are configured is read in config/.
#pragma once

#include <string>
#include <vector>

#include "domain/agent.hpp"

namespace quarterdeck::wire {

std::string encode_agent(const domain::Agent& agent);
std::string encode_agents(const std::vector<domain::Agent>& agents);

}  // namespace quarterdeck::wire
