// What processes and all below them have done so far, from /proc. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace quarterdeck::fleet {

struct TreeSample {
  std::uint64_t cpu_ticks = 0;  // also of children that have ended
  std::uint64_t io_bytes = 0;   // read and written, sockets too
  int processes = 0;            // 0: gone
  bool sleeps = false;          // every process without children is `sleep`
  bool operator==(const TreeSample&) const = default;
};

std::map<std::int64_t, TreeSample> sample_trees(const std::vector<std::int64_t>& roots);

}  // namespace quarterdeck::fleet
