// How much of the machine a command gets beside others: by the priority of its session, as the nice value of its process
// group. Only a server with CAP_SYS_NICE can give back what was taken: else a raised priority counts for later commands.
#pragma once

#include <cstdint>

#include "domain/fleet.hpp"

namespace quarterdeck::fleet {

int nice_of(domain::Priority priority);
// Nothing happens when it is gone, or not a group of its own.
void share_cpu(std::int64_t pid, domain::Priority priority);

}  // namespace quarterdeck::fleet
