#include "base/paths.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/failpoint.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck {
namespace {

std::filesystem::path from_env(const char* name, const std::filesystem::path& otherwise) {
  const char* value = std::getenv(name);
  // The XDG specification: a relative path is invalid and must be ignored.
  if (value == nullptr || value[0] != '/') return otherwise;
  return value;
}

Error os_error(std::string_view what, const std::filesystem::path& path, int number) {
  ErrorCode code = ErrorCode::internal;
  if (number == ENOENT || number == ENOTDIR) code = ErrorCode::not_found;
  if (number == EACCES || number == EPERM) code = ErrorCode::denied;
  if (number == ENOSPC || number == EDQUOT) code = ErrorCode::no_space;
  return {code, fmt::format("{} {}: {}", what, path.string(), std::strerror(number)), {}};
}

}  // namespace

Places Places::from_environment() {
  std::filesystem::path home = from_env("HOME", {});
  if (home.empty()) {
    const passwd* user = getpwuid(getuid());
    home = user != nullptr ? user->pw_dir : "/";
  }
  const auto config = from_env("XDG_CONFIG_HOME", home / ".config");
  return {.home = home,
          .data = from_env("XDG_DATA_HOME", home / ".local/share") / "quarterdeck",
          .config = config / "quarterdeck",
          .opencode_config = config / "opencode"};
}

Result<std::string> read_file(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::unexpected(os_error("cannot read", path, errno));
  struct stat status{};
  if (fstat(fd.get(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return std::unexpected(os_error("cannot read", path, EISDIR));
  }
  std::string bytes;
  bytes.reserve(static_cast<std::size_t>(status.st_size));
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(os_error("cannot read", path, errno));
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) mode = status.st_mode & 07777;
  // Through a symbolic link the target is replaced, not the link.
  std::error_code ignored;
  std::filesystem::path target = path;
  if (std::filesystem::is_symlink(path, ignored)) {
    auto resolved = std::filesystem::weakly_canonical(path, ignored);
    if (!ignored) target = resolved;
  }
  std::string temporary = (target.parent_path() / ".quarterdeck-XXXXXX").string();
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return std::unexpected(os_error("cannot write", path, errno));
  const auto abandon = [&](int number) -> Result<void> {
    ::unlink(temporary.c_str());
    return std::unexpected(os_error("cannot write", path, number));
  };
  if (failpoint::fails("file.write")) return abandon(EIO);
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return abandon(errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  failpoint::reach("file.write.written");
  if (::fchmod(fd.get(), mode) != 0) return abandon(errno);
  if (::fdatasync(fd.get()) != 0) return abandon(errno);
  failpoint::reach("file.write.synced");
  if (::rename(temporary.c_str(), target.c_str()) != 0) return abandon(errno);
  failpoint::reach("file.write.renamed");
  return {};
}

}  // namespace quarterdeck
