// One server per data directory: an flock on a file that holds the owner's process id. The kernel lets go of it when the
// owner dies, however it dies.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck::store::sqlite {

// Errors: `conflict`, naming the process that has it.
Result<UniqueFd> lock_directory(const std::filesystem::path& directory);

}  // namespace quarterdeck::store::sqlite
