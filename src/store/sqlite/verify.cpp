#include <chrono>

#include "store/maintenance.hpp"
#include "store/sqlite/copy.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/replay.hpp"
#include "store/sqlite/soundness.hpp"

namespace quarterdeck::store {
namespace {

namespace fs = std::filesystem;
using namespace sqlite;

constexpr std::size_t kProblemsMax = 100;
constexpr std::int64_t kQuickMs = 2'000;

void count(Connection& sql, VerifyReport& report) {
  report.sessions = sql.integer("SELECT count(*) FROM session").value_or(0);
  report.messages = sql.integer("SELECT count(*) FROM message").value_or(0);
  report.parts = sql.integer("SELECT count(*) FROM part").value_or(0);
  report.events = sql.integer("SELECT count(*) FROM event").value_or(0);
  report.last_seq = sql.integer("SELECT max(seq) FROM event").value_or(0);
}

void check_quickly(Connection& sql, VerifyReport& report) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(kQuickMs);
  const auto over = [end] { return Clock::now() > end; };
  const auto damage = first_damage(sql, over);
  if (damage) report.problems.push_back(*damage);
  report.complete = damage.has_value() || !over();
}

void check_fully(Connection& sql, const OnProblem& on_problem, const OnProgress& on_progress) {
  bool damaged = false;
  for (Rows rows = sql.rows("PRAGMA integrity_check(20)"); rows.next();) {
    if (rows.text(0) == "ok") break;
    damaged = true;
    on_problem(std::string(rows.text(0)));
  }
  if (damaged) return;  // the rest would only say it again
  compare_references(sql, on_problem);
  Replay replay(sql);
  std::vector<std::int64_t> keys;
  for (Rows rows = sql.rows("SELECT key FROM session ORDER BY key"); rows.next();) keys.push_back(rows.integer(0));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    // One moment a session, so that a server can go on writing and clearing its log meanwhile.
    sql.run("BEGIN");
    replay.compare_session(keys[i], on_problem);
    sql.run("COMMIT");
    if (on_progress) on_progress(i + 1, keys.size());
  }
}

}  // namespace

Result<VerifyReport> verify(const fs::path& database, Depth depth, const OnProgress& on_progress) {
  std::error_code error;
  if (!fs::exists(database, error)) return fail(ErrorCode::not_found, "{}: no database there", database.string());
  VerifyReport report{.bytes = fs::file_size(database, error)};
  auto opened = open_to_read(database);
  const auto on_problem = [&](std::string problem) {
    if (report.problems.size() < kProblemsMax) report.problems.push_back(std::move(problem));
  };
  try {
    if (!opened) throw opened.error();
    Connection& sql = **opened;
    report.schema = static_cast<int>(sql.integer("PRAGMA user_version").value_or(0));
    if (report.schema < 1 || sql.integer("SELECT count(*) FROM sqlite_master WHERE name = 'event'") != 1) {
      return fail(ErrorCode::invalid, "{} is a database, but not one of Quarterdeck's", database.string());
    }
    if (report.schema > std::ssize(schema_steps())) {
      return fail(ErrorCode::invalid, "{} has schema version {}, this version of Quarterdeck knows up to {}",
                  database.string(), report.schema, schema_steps().size());
    }
    if (depth == Depth::quick) {
      check_quickly(sql, report);
    } else if (report.schema == std::ssize(schema_steps())) {
      check_fully(sql, on_problem, on_progress);
    } else {
      return fail(ErrorCode::invalid, "{} has schema version {}; start the server once to bring it to {}",
                  database.string(), report.schema, schema_steps().size());
    }
    count(sql, report);
  } catch (const SqlFailure& failure) {
    const int kind = failure.code & 0xff;
    if (kind != SQLITE_CORRUPT && kind != SQLITE_NOTADB) {
      return std::unexpected(to_error(failure).in("reading {}", database.string()));
    }
    on_problem(failure.what());
  }
  return report;
}

}  // namespace quarterdeck::store
