// A whole copy of a database as one file, also of one that is being written to: the copy is one moment of it.
#pragma once

#include <filesystem>
#include <functional>

#include "base/result.hpp"
#include "store/sqlite/connection.hpp"

namespace quarterdeck::store::sqlite {

using OnProgress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

// Written beside `to`, synced, renamed: `to` is whole or not there. Mode 0600. Errors: `conflict` when `to` exists,
// `no_space`, `unavailable`.
Result<> copy_database(Connection& from, const std::filesystem::path& to, const OnProgress& on_progress);

// Opens a database for reading in whatever way it can be read: as it is, with the index of its log in memory, or as a
// file that nobody changes.
std::expected<std::unique_ptr<Connection>, SqlFailure> open_to_read(const std::filesystem::path& path);

}  // namespace quarterdeck::store::sqlite
