// One server per data directory: an flock on a file that holds the owner's process id and what it is. The kernel lets
// go of it when the owner dies, however it dies.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck::store::sqlite {

// `owner`: "the server", "quarterdeck restore"; told to whoever comes second. On a read-only file system nobody can
// write, so there is nothing to lock.
// Errors: `conflict`, naming the process that has it.
Result<UniqueFd> lock_directory(const std::filesystem::path& directory, std::string_view owner);

}  // namespace quarterdeck::store::sqlite
