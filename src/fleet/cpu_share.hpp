// How much of the machine a command gets beside others, by the priority of its session: the weight of a control group
// where there may be some (cpu_groups.hpp), else the nice value of its process group. Only a server with CAP_SYS_NICE can
// give back what a nice value took: without groups a raised priority counts for later commands.
#pragma once

#include <cstdint>
#include <optional>

#include "base/loop.hpp"
#include "domain/fleet.hpp"
#include "fleet/cpu_groups.hpp"

namespace quarterdeck::fleet {

int nice_of(domain::Priority priority);

class CpuShare {
 public:
  CpuShare(BlockingPool& pool, std::optional<CpuGroups> groups) : pool_(pool), groups_(std::move(groups)) {}
  // Nothing happens when the process is gone, or not the first of a group of its own.
  void give(std::int64_t pid, domain::Priority priority) const;

 private:
  BlockingPool& pool_;
  std::optional<CpuGroups> groups_;
};

}  // namespace quarterdeck::fleet
