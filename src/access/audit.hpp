// Who did what, through which route: <data>/access/audit.jsonl, one JSON object a line, 0600, appended by the server and by
// `quarterdeck token`.
//
// Laws: rows are never changed, and each has the SHA-256 of itself and of the row before it, so that a row that was
//       changed, taken out or put in is found (what an attacker cut off the end is found only by who noted the last hash).
//       Files are turned at kFileBytes and the last kOldFiles are kept; the chain goes on over them.
// Functions read and write files. Errors: `unavailable`, `invalid`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/principal.hpp"
#include "base/clock.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"

namespace quarterdeck::access {

struct Deed {
  TimeMs at = 0;
  std::string who;
  std::string role;
  std::string credential;
  std::string peer;
  std::string operation;  // "session.delete"; of the command line "token.create"
  std::string route;  // "DELETE /session/ses_1"
  int status = 0;
  std::string session;  // empty: none
  std::string asked;  // JSON text, or empty
  std::string before;  // the same: what changed, as it was
  std::string after;
};

inline constexpr std::int64_t kAuditFileBytes = 32 << 20;
inline constexpr int kAuditOldFiles = 4;

Result<void> record(const Places& places, const Deed& deed);

struct AuditAsked {
  std::optional<std::int64_t> before;  // rows with a smaller number
  std::size_t limit = 100;
  std::string who;
  std::string operation;  // or its beginning: "session."
  std::string session;
  std::optional<TimeMs> since;
  std::optional<TimeMs> until;
};
// Newest first, as JSON texts.
Result<std::vector<std::string>> read_audit(const Places& places, const AuditAsked& asked);
// Oldest first, every line as it stands; false ends it.
Result<void> each_audit_line(const Places& places, const std::function<bool(std::string_view)>& line);

struct AuditState {
  std::int64_t rows = 0;
  std::int64_t first = 0, last = 0;  // their numbers
  std::string hash;  // of the last one
  std::string problem;  // empty: the chain holds
};
Result<AuditState> verify_audit(const Places& places);

}  // namespace quarterdeck::access
