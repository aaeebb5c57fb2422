// Whether the store can take new work, and if not, why: one sentence for people, answers (507, 503) and /readyz.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace quarterdeck::store {

struct Health {
  enum class State {
    ok,
    full,       // the disk: reads work, new work is refused until there is room again
    read_only,  // the file system, the rights, or a database that was taken away: reads work
    corrupt,    // reads work as far as they go; it takes a restore to write again
  };
  State state = State::ok;
  std::string reason;  // empty when ok
  bool operator==(const Health&) const = default;
};

std::string_view name(Health::State state);  // "ok", "full", "read_only", "corrupt"
// Errors: `no_space` when full, `unavailable` when read_only or corrupt.
Result<> admission(const Health& health);

}  // namespace quarterdeck::store
