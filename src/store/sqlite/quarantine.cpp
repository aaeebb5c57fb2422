#include "store/sqlite/quarantine.hpp"

#include <ctime>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "base/paths.hpp"

namespace quarterdeck::store::sqlite {
namespace {

namespace fs = std::filesystem;

fs::path note_of(const fs::path& directory) { return directory / "quarterdeck.damaged"; }

}  // namespace

std::string timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

Health damaged(const fs::path& database, std::string_view what) {
  const fs::path directory = database.parent_path();
  const std::string reason = fmt::format(
      "The database {} is damaged ({}). What can be read is served; nothing is written. Restore a backup: quarterdeck "
      "restore FILE (quarterdeck verify tells more)",
      database.string(), what);
  if (damage_note(directory)) return {Health::State::corrupt, reason};
  std::error_code error;
  const fs::path kept = directory / "quarantine";
  fs::create_directory(kept, error);
  fs::permissions(kept, fs::perms::owner_all, error);
  const std::string name = new_file(kept, "damaged").filename().string();
  fs::create_hard_link(database, kept / name, error);
  if (error) log::warn("quarantine: {}: {}", (kept / name).string(), error.message());
  if (fs::exists(database.string() + "-wal", error))
    fs::create_hard_link(database.string() + "-wal", kept / (name + "-wal"), error);
  failpoint::reach("store.quarantine.linked");
  const auto noted = write_file_atomically(note_of(directory), fmt::format("{}\n", what), 0600);
  if (!noted) log::warn("quarantine: {}", noted.error().message);
  failpoint::reach("store.quarantine.marked");
  return {Health::State::corrupt, reason};
}

fs::path new_file(const fs::path& directory, std::string_view stem) {
  std::error_code error;
  const std::string name = fmt::format("{}-{}", stem, timestamp());
  fs::path file = directory / (name + ".db");
  for (int more = 2; fs::exists(file, error); ++more) file = directory / fmt::format("{}-{}.db", name, more);
  return file;
}

std::optional<std::string> damage_note(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(note_of(directory), error)) return std::nullopt;
  std::string note = read_file(note_of(directory)).value_or("");
  while (note.ends_with('\n')) note.pop_back();
  return note;
}

void forget_damage(const fs::path& directory) {
  std::error_code error;
  fs::remove(note_of(directory), error);
}

}  // namespace quarterdeck::store::sqlite
