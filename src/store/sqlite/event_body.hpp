// The body of an event whose entity has it: read from there.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "store/sqlite/connection.hpp"

namespace quarterdeck::store::sqlite {

struct EventKey {
  std::int64_t seq = 0;
  std::int64_t session = 0;
  std::int64_t entity = 0;
};
// Empty when there is no such entity. `time` becomes PartUpdated's own.
std::string entity_body(Connection& sql, std::string_view type, const EventKey& key, std::string_view session_id,
                        TimeMs& time);

}  // namespace quarterdeck::store::sqlite
