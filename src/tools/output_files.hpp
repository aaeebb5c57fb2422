// The files with whole tool outputs (<data>/tool-output) are kept for a while, not for ever: what is old goes, and the
// oldest go when all of them together are too large. A model that looks for one that is gone is told so by `read`.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/clock.hpp"

namespace quarterdeck::tools {

struct OutputQuota {
  std::int64_t age_ms_max = std::int64_t{7} * 24 * 3600 * 1000;
  std::uint64_t bytes_max = 1'000'000'000;
};

struct Cleaned {
  std::size_t removed = 0;
  std::uint64_t bytes_left = 0;
  bool operator==(const Cleaned&) const = default;
};
// Only files named tool_…, and what a crash left of writing them. For the pool.
Cleaned clean_outputs(const std::filesystem::path& directory, const OutputQuota& quota, TimeMs now);

}  // namespace quarterdeck::tools
