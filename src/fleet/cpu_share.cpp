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

void share_cpu(std::int64_t pid, domain::Priority priority) {
  const auto id = static_cast<pid_t>(pid);
  if (id <= 1 || ::getpgid(id) != id) return;
  ::setpriority(PRIO_PGRP, static_cast<id_t>(id), nice_of(priority));
}

}  // namespace quarterdeck::fleet
