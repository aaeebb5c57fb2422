// Putting a backup in the place of the database, in steps of which one decides: before it the old database is there,
// after it the next start (or restore) finishes.
//
//   copy to quarterdeck.db.restoring, sync ─► rename to quarterdeck.db.restored (decided) ─► remove -wal, -shm ─► rename
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace quarterdeck::store::sqlite {

// Finishes what was decided; nothing when nothing was. The caller holds the lock of the directory.
Result<> finish_restore(const std::filesystem::path& directory);

}  // namespace quarterdeck::store::sqlite
