#include "fleet/cpu_share.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace quarterdeck::fleet {

int nice_of(domain::Priority priority) {
  using enum domain::Priority;
  switch (priority) {
    case P0: return 0;
    case P1: return 1;
    case P2: return 3;
    case P3: return 10;
  }
  return 0;
}

void CpuShare::give(std::int64_t pid, domain::Priority priority) const {
  const auto id = static_cast<pid_t>(pid);
  if (id <= 1 || ::getpgid(id) != id) return;
  if (groups_) {
    pool_.submit([groups = *groups_, pid, priority] { groups.put(pid, priority); });
  } else {
    ::setpriority(PRIO_PGRP, static_cast<id_t>(id), nice_of(priority));
  }
}

}  // namespace quarterdeck::fleet
