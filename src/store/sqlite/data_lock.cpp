#include "store/sqlite/data_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/paths.hpp"

namespace quarterdeck::store::sqlite {

Result<UniqueFd> lock_directory(const std::filesystem::path& directory) {
  const auto path = directory / "quarterdeck.lock";
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return fail(ErrorCode::unavailable, "opening {}: {}", path.string(), std::strerror(errno));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return fail(ErrorCode::unavailable, "locking {}: {}", path.string(), std::strerror(errno));
    std::string owner = read_file(path).value_or("");
    while (!owner.empty() && owner.back() == '\n') owner.pop_back();
    return fail(ErrorCode::conflict, "{} is in use by another server (process {})", directory.string(),
                owner.empty() ? "unknown" : owner);
  }
  const std::string owner = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), owner.data(), owner.size(), 0) < 0) {
    return fail(ErrorCode::unavailable, "writing {}: {}", path.string(), std::strerror(errno));
  }
  return file;
}

}  // namespace quarterdeck::store::sqlite
