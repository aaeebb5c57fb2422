#include "access/audit.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <fstream>

#include "access/tokens.hpp"
#include "base/redact.hpp"
#include "base/unique_fd.hpp"
#include "wire/json.hpp"

namespace quarterdeck::access {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHashBytes = 64;
constexpr std::string_view kHash = R"(,"hash":")";
constexpr std::size_t kTailBytes = 64 * 1024;  // longer than any row

fs::path folder_of(const Places& places) { return places.data / "access"; }
fs::path file_of(const Places& places, int old = 0) {
  return folder_of(places) / (old == 0 ? "audit.jsonl" : fmt::format("audit.{}.jsonl", old));
}

// {…,"hash":"<64>"}: what the hash is of, and the hash.
struct Row {
  std::string_view body, hash;
  std::int64_t number = 0;
};
std::optional<Row> row_of(std::string_view line) {
  constexpr std::string_view kEnd = "\"}";
  constexpr std::string_view kBegin = R"({"seq":)";
  const std::size_t tail = kHash.size() + kHashBytes + kEnd.size();
  if (line.size() < tail + kBegin.size() || !line.ends_with(kEnd) || !line.starts_with(kBegin)) return std::nullopt;
  Row row{line.substr(0, line.size() - tail), line.substr(line.size() - kEnd.size() - kHashBytes, kHashBytes)};
  if (line.substr(row.body.size(), kHash.size()) != kHash) return std::nullopt;
  const char* number = line.data() + kBegin.size();
  if (std::from_chars(number, line.data() + line.size(), row.number).ec != std::errc()) return std::nullopt;
  return row;
}

struct Head {
  std::int64_t number = 0;
  std::string hash = std::string(kHashBytes, '0');
  bool cut = false;  // the last line has no end
};

Result<Head> head_of(int file, std::int64_t size) {
  const std::int64_t from = std::max<std::int64_t>(0, size - static_cast<std::int64_t>(kTailBytes));
  std::string tail(static_cast<std::size_t>(size - from), '\0');
  if (::pread(file, tail.data(), tail.size(), from) != static_cast<ssize_t>(tail.size()))
    return fail(ErrorCode::unavailable, "cannot read the audit");
  const bool cut = !tail.empty() && tail.back() != '\n';
  std::string_view rest = tail;
  while (!rest.empty()) {
    const std::size_t end = rest.find_last_not_of('\n');
    if (end == rest.npos) break;
    rest = rest.substr(0, end + 1);
    const std::size_t start = rest.rfind('\n') == rest.npos ? 0 : rest.rfind('\n') + 1;
    // A line that a crash of the machine cut stays, and is found; the chain goes on from the row before it.
    if (const auto row = row_of(rest.substr(start))) return Head{row->number, std::string(row->hash), cut};
    rest = rest.substr(0, start);
  }
  return Head{.cut = cut};
}

void turn(const Places& places) {
  std::error_code error;
  for (int old = kAuditOldFiles; old > 0; --old) fs::rename(file_of(places, old - 1), file_of(places, old), error);
}

std::string text_of(const Deed& deed, const Head& head) {
  std::string out = fmt::format(
      R"({{"seq":{},"at":{},"who":{},"role":{},"credential":{},"peer":{},"operation":{},"route":{},"status":{})",
      head.number + 1, deed.at, wire::quoted(deed.who), wire::quoted(deed.role), wire::quoted(deed.credential),
      wire::quoted(deed.peer), wire::quoted(deed.operation), wire::quoted(redact(deed.route)), deed.status);
  if (!deed.session.empty()) out += ",\"session\":" + wire::quoted(deed.session);
  for (const auto& [name, json] : {std::pair{"asked", &deed.asked}, {"before", &deed.before}, {"after", &deed.after}}) {
    if (!json->empty()) out += fmt::format(",\"{}\":{}", name, redact(*json));
  }
  return out + fmt::format(R"(,"prev":"{}")", head.hash);
}

}  // namespace

Result<void> record(const Places& places, const Deed& deed) {
  const auto problem = [&] { return fail(ErrorCode::unavailable, "cannot write {}", file_of(places).string()); };
  std::error_code error;
  if (fs::create_directories(places.data, error)) fs::permissions(places.data, fs::perms::owner_all, error);
  if (fs::create_directory(folder_of(places), error)) fs::permissions(folder_of(places), fs::perms::owner_all, error);
  const UniqueFd held(::open((folder_of(places) / "audit.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!held.valid() || ::flock(held.get(), LOCK_EX) != 0) return problem();
  const auto open = [&] {
    return UniqueFd(::open(file_of(places).c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  };
  UniqueFd file = open();
  struct stat status{};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return problem();
  TRY(Head head, head_of(file.get(), status.st_size));
  if (status.st_size == 0) {
    // The first row of a new file goes on from the last of the one before.
    const UniqueFd old(::open(file_of(places, 1).c_str(), O_RDONLY | O_CLOEXEC));
    struct stat old_status{};
    if (old.valid() && ::fstat(old.get(), &old_status) == 0) {
      TRY(head, head_of(old.get(), old_status.st_size));
      head.cut = false;
    }
  } else if (status.st_size >= kAuditFileBytes) {
    turn(places);
    head.cut = false;
    file = open();
    if (!file.valid()) return problem();
  }
  const std::string body = text_of(deed, head);
  const std::string hash = hex_sha256(body);
  if (hash.empty()) return fail(ErrorCode::unavailable, "cannot hash: libcrypto is missing");
  // One write: whole after kill -9.
  const std::string line = (head.cut ? "\n" : "") + body + std::string(kHash) + hash + "\"}\n";
  if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) return problem();
  return {};
}

Result<void> each_audit_line(const Places& places, const std::function<bool(std::string_view)>& line) {
  for (int old = kAuditOldFiles; old >= 0; --old) {
    std::ifstream file(file_of(places, old));
    std::string one;
    while (std::getline(file, one)) {
      if (!line(one)) return {};
    }
    if (file.bad()) return fail(ErrorCode::unavailable, "cannot read {}", file_of(places, old).string());
  }
  return {};
}

Result<std::vector<std::string>> read_audit(const Places& places, const AuditAsked& asked) {
  std::deque<std::string> found;
  const auto take = [&](std::string_view line) {
    const auto row = wire::parse(line);
    if (!row || !row->is_object()) return true;  // verify says so
    const TimeMs at = wire::int_at(*row, "at");
    const bool fits = (!asked.before || wire::int_at(*row, "seq") < *asked.before) &&
                      (!asked.since || at >= *asked.since) && (!asked.until || at < *asked.until) &&
                      (asked.who.empty() || wire::string_at(*row, "who") == asked.who) &&
                      (asked.session.empty() || wire::string_at(*row, "session") == asked.session) &&
                      wire::string_at(*row, "operation").starts_with(asked.operation);
    if (!fits) return true;
    found.emplace_back(line);
    if (found.size() > asked.limit) found.pop_front();
    return true;
  };
  TRY_VOID(each_audit_line(places, take));
  return std::vector<std::string>(std::make_move_iterator(found.rbegin()), std::make_move_iterator(found.rend()));
}

Result<AuditState> verify_audit(const Places& places) {
  AuditState state;
  std::int64_t lines = 0;
  const auto check = [&](std::string_view line) {
    ++lines;
    const auto row = row_of(line);
    if (!row) {
      state.problem = fmt::format("line {} is no row of the audit, after row {}", lines, state.last);
    } else if (hex_sha256(row->body) != row->hash) {
      state.problem = fmt::format("row {} was changed", row->number);
    } else if (state.rows > 0 && row->number != state.last + 1) {
      state.problem = fmt::format("row {} comes after row {}", row->number, state.last);
    } else if (const std::string prev = fmt::format(R"(,"prev":"{}")", state.hash);
               state.rows > 0 && !row->body.ends_with(prev)) {
      state.problem = fmt::format("row {} does not follow the row before it", row->number);
    }
    if (!state.problem.empty()) return false;
    if (state.rows++ == 0) state.first = row->number;
    state.last = row->number;
    state.hash = row->hash;
    return true;
  };
  TRY_VOID(each_audit_line(places, check));
  return state;
}

}  // namespace quarterdeck::access
