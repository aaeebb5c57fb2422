// What an operator does with a data directory: back it up, restore it, check it, shrink it. Backup and verify work while
// a server runs; restore and vacuum refuse, naming the process that has it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace quarterdeck::store {

using OnProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

struct BackupReport {
  std::filesystem::path file;
  std::uint64_t bytes = 0;
  std::int64_t sessions = 0;
  std::int64_t last_seq = 0;
};
// One moment of the database as one file, mode 0600, checked after it was written. `to` empty: a new name in
// <data>/backups. Errors: `conflict` when `to` exists, `not_found` without a database, `no_space`.
Result<BackupReport> backup(const std::filesystem::path& data, std::filesystem::path to, const OnProgress& on_progress);

struct RestoreReport {
  std::filesystem::path replaced;  // where the database before it is kept; empty when there was none
  std::int64_t sessions = 0;
  std::int64_t last_seq = 0;
};
// Errors: `invalid` when `from` is not a sound Quarterdeck database or too new, `conflict` while a server runs.
Result<RestoreReport> restore(const std::filesystem::path& data, const std::filesystem::path& from,
                              const OnProgress& on_progress);

enum class Depth {
  quick,  // pages and counts; ends after two seconds, `complete` is then false
  full,  // every page and index, and every session's events replayed against its tables
};
struct VerifyReport {
  int schema = 0;
  std::int64_t sessions = 0;
  std::int64_t messages = 0;
  std::int64_t parts = 0;
  std::int64_t events = 0;
  std::int64_t last_seq = 0;
  std::uint64_t bytes = 0;
  bool complete = true;
  std::vector<std::string> problems;  // the first hundred
  bool sound() const { return problems.empty(); }
};
// `database`: the file. Errors: `not_found`, `invalid` when it is no database of ours.
Result<VerifyReport> verify(const std::filesystem::path& database, Depth depth, const OnProgress& on_progress);

struct VacuumReport {
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
};
// Errors: `conflict` while a server runs, `no_space` (it needs the size of the database once more).
Result<VacuumReport> vacuum(const std::filesystem::path& data, const OnProgress& on_progress);

}  // namespace quarterdeck::store
