#include "store/sqlite/data_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/paths.hpp"

namespace quarterdeck::store::sqlite {

Result<UniqueFd> lock_directory(const std::filesystem::path& directory, std::string_view owner) {
  const auto path = directory / "quarterdeck.lock";
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid() && errno == EROFS) return UniqueFd();
  if (!file.valid()) return fail(ErrorCode::unavailable, "opening {}: {}", path.string(), std::strerror(errno));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return fail(ErrorCode::unavailable, "locking {}: {}", path.string(), std::strerror(errno));
    // "4711 the server"
    std::string holder = read_file(path).value_or("");
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    const auto space = holder.find(' ');
    const std::string process = holder.substr(0, space);
    const std::string what = space == holder.npos ? "another server" : holder.substr(space + 1);
    return fail(ErrorCode::conflict, "{} is in use by {} (process {}). Stop it first, or use another data directory",
                directory.string(), what, process.empty() ? "unknown" : process);
  }
  // On a full disk the name of the owner is left out; the lock itself needs no room.
  const std::string text = fmt::format("{} {}\n", ::getpid(), owner);
  if (::ftruncate(file.get(), 0) == 0 && ::pwrite(file.get(), text.data(), text.size(), 0) < 0 && errno != ENOSPC) {
    return fail(ErrorCode::unavailable, "writing {}: {}", path.string(), std::strerror(errno));
  }
  return file;
}

}  // namespace quarterdeck::store::sqlite
