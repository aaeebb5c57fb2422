// What happens to a damaged database: it stays where it is, readable as far as it goes; a second name for it (a hard
// link) in quarantine/ outlives whatever is put in its place; and a note beside it keeps the next start from writing.
// No start ends in a crash because of it, and none begins an empty database behind anybody's back.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "store/health.hpp"

namespace quarterdeck::store::sqlite {

// Links and notes it, and says so. `database` is the path of the file.
Health damaged(const std::filesystem::path& database, std::string_view what);
// Why an earlier run stopped writing.
std::optional<std::string> damage_note(const std::filesystem::path& directory);
// The database was restored, or found to be sound.
void forget_damage(const std::filesystem::path& directory);

// 20261122T190102Z, for names of files.
std::string timestamp();
// <directory>/<stem>-<timestamp>.db, or with -2, -3… when that is taken.
std::filesystem::path new_file(const std::filesystem::path& directory, std::string_view stem);

}  // namespace quarterdeck::store::sqlite
