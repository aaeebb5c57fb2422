// The data directory as the file system sees it: private, local, writable or not.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace quarterdeck::store::sqlite {

// One directory, 0700. Its parents are made with usual rights.
Result<> make_private_directory(const std::filesystem::path& directory);
// Directory 0700 and an empty database file 0600 where they are missing. On a read-only file system what is there stays
// as it is.
Result<> make_private(const std::filesystem::path& directory, const std::filesystem::path& database);

// The name of the network file system that holds `directory` ("NFS"), none when it is local. SQLite's locks and its
// shared log are not safe there: databases get corrupt.
std::optional<std::string> network_file_system(const std::filesystem::path& directory);
// By the kernel's type (mountinfo) and its magic number (statfs).
std::optional<std::string> network_file_system(std::string_view type, long magic);

// So that a rename in it survives a power loss.
Result<> sync_directory(const std::filesystem::path& directory);

}  // namespace quarterdeck::store::sqlite
