// The schema, as a list of steps; PRAGMA user_version counts those that were taken.
// Keys are packed so that one session's rows lie together and a page of messages is two range scans:
//
//   message.key = session.key << 22 | n          part.key = message.key << 17 | n
//
// session, message, part, todo and request hold the newest JSON of their entity, once; `seq` names the event that put
// it there. Rows of `event` have a body only when no entity has it.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "store/sqlite/connection.hpp"

namespace quarterdeck::store::sqlite {

// Released steps are never edited; a change is a new step at the end. A new event version comes with a `rewrite` that
// runs its upcaster over the stored bodies, so that readers relay them as they are. Both parts are optional.
struct Step {
  std::string_view what;  // "index open requests by session", for the log
  const char* sql = "";
  void (*rewrite)(Connection&) = nullptr;  // after `sql`; throws SqlFailure
};
std::span<const Step> schema_steps();

struct MigrateOptions {
  std::filesystem::path backups;  // a copy is put here before a database is changed; empty = none is made
  std::span<const Step> steps = schema_steps();
};
// Brings the database from its version to the newest in one transaction: after a crash it has the old version or the new
// one, nothing between. Errors: `invalid` when it was written by a newer version (nothing is touched), `no_space` when
// there is no room for the copy.
Result<> migrate(Connection& connection, const MigrateOptions& options);

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
