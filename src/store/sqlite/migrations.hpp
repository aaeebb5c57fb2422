// The schema, as a list of steps; PRAGMA user_version counts those that were taken.
// Keys are packed so that one session's rows lie together and a page of messages is two range scans:
//
//   message.key = session.key << 22 | n          part.key = message.key << 17 | n
//
// session, message, part, todo and request hold the newest JSON of their entity, once; `seq` names the event that put
// it there. Rows of `event` have a body only when no entity has it.
#pragma once

#include "base/result.hpp"
#include "store/sqlite/connection.hpp"

namespace quarterdeck::store::sqlite {

// Errors: `invalid` when the database was written by a newer version.
Result<> migrate(Connection& connection);

inline constexpr int kMessageBits = 22;
inline constexpr int kPartBits = 17;
inline constexpr std::int64_t kSessionsMax = (std::int64_t{1} << (63 - kMessageBits - kPartBits)) - 1;

// The keys below one parent: first <= key <= last.
struct KeyRange {
  std::int64_t first;
  std::int64_t last;
};
constexpr KeyRange messages_of(std::int64_t session) {
  return {(session << kMessageBits) + 1, ((session + 1) << kMessageBits) - 1};
}
constexpr KeyRange parts_of(std::int64_t message) {
  return {(message << kPartBits) + 1, ((message + 1) << kPartBits) - 1};
}
constexpr KeyRange parts_of_session(std::int64_t session) {
  return {parts_of(messages_of(session).first).first, parts_of(messages_of(session).last).last};
}

}  // namespace quarterdeck::store::sqlite
