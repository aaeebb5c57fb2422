#include "base/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace quarterdeck {

Result<LogFile> LogFile::open(LogFileOptions options) {
  LogFile log(std::move(options));
  std::error_code ignored;
  const auto directory = log.options_.path.parent_path();
  std::filesystem::create_directories(directory.parent_path(), ignored);
  ::mkdir(directory.c_str(), 0700);
  if (!log.open_current()) {
    return fail(ErrorCode::unavailable, "cannot log to {}: {}", log.options_.path.string(), std::strerror(errno));
  }
  return log;
}

bool LogFile::open_current() {
  file_ = UniqueFd(::open(options_.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  struct stat status{};
  if (!file_.valid() || ::fstat(file_.get(), &status) != 0) return false;
  size_ = status.st_size;
  return true;
}

void LogFile::rotate() {
  const auto numbered = [&](int number) { return options_.path.string() + "." + std::to_string(number); };
  for (int number = options_.files - 2; number >= 1; --number) {
    ::rename(numbered(number).c_str(), numbered(number + 1).c_str());
  }
  ::rename(options_.path.c_str(), numbered(1).c_str());
  open_current();
}

void LogFile::write(std::string_view record) {
  const auto length = static_cast<std::int64_t>(record.size());
  if (size_ > 0 && size_ + length > options_.quota_bytes / options_.files) rotate();
  if (!file_.valid() && !open_current()) return;
  const ssize_t written = ::write(file_.get(), record.data(), record.size());
  if (written > 0) size_ += written;
}

}  // namespace quarterdeck
