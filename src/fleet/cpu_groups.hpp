// CPU of commands by priority as weights of control groups (cgroup v2), where this process may make groups: one for the
// server, and one a priority for the commands of sessions, so that fifty P3 builds weigh together less than one P0.
//
//   the service's own group (Delegate=yes)  ── server        the server, its spawner and keepers
//                                           ├─ tools.P0      cpu.weight 400
//                                           └─ … tools.P3    cpu.weight 25
//
// Laws
// - Nothing is touched but a group that was handed to us: systemd says so (the attribute user.delegate or
//   trusted.delegate), or it belongs to this user and this user is not root.
// - Where a step fails nothing is worse than before: commands get nice values (cpu_share.hpp).
// Source: Linux' cgroup-v2.rst ("no internal processes", "delegation"), systemd's CGROUP_DELEGATION.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.hpp"
#include "domain/fleet.hpp"

namespace quarterdeck::fleet {

int weight_of(domain::Priority priority);

// The group of this process, when it may make groups below it and the kernel shares CPU among them. Reads only.
// Errors: `unavailable`, with the reason as a sentence for people.
Result<std::filesystem::path> delegated_group();
// The same for any group: what delegated_group() finds is asked.
Result<void> may_share(const std::filesystem::path& group);

class CpuGroups {
 public:
  // Makes the groups, and moves whoever is in `group` itself to "server". Blocks.
  static Result<CpuGroups> open(std::filesystem::path group);

  // Moves the process and all below it. Blocks: the kernel may take milliseconds. Those that are gone are left.
  void put(std::int64_t pid, domain::Priority priority) const;
  const std::filesystem::path& group() const { return group_; }

 private:
  explicit CpuGroups(std::filesystem::path group) : group_(std::move(group)) {}
  std::filesystem::path group_;
};

}  // namespace quarterdeck::fleet
