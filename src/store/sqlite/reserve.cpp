#include "store/sqlite/reserve.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck::store::sqlite {

Reserve::Reserve(std::filesystem::path path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {
  struct stat status{};
  if (::stat(path_.c_str(), &status) == 0) held_ = static_cast<std::uint64_t>(status.st_blocks) * 512;
}

bool Reserve::fill() {
  if (bytes_ == 0 || held_ >= bytes_) return held_ > 0;
  const UniqueFd file(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return false;
  if (::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes_)) != 0) {
    ::unlink(path_.c_str());
    held_ = 0;
    return false;
  }
  held_ = bytes_;
  failpoint::reach("store.reserve.made");
  return true;
}

bool Reserve::release() {
  if (held_ == 0) return false;
  const std::uint64_t quarter = std::max<std::uint64_t>(bytes_ / 4, 1);
  held_ = held_ > quarter ? held_ - quarter : 0;
  const bool done =
      held_ > 0 ? ::truncate(path_.c_str(), static_cast<off_t>(held_)) == 0 : ::unlink(path_.c_str()) == 0;
  failpoint::reach("store.reserve.released");
  return done;
}

}  // namespace quarterdeck::store::sqlite
