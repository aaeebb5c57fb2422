// A log on disk: appended with one write() a record, so that a crash loses nothing that was logged; rotated, and bounded
// by what all its files may hold together.
//   quarterdeck.log (now), quarterdeck.log.1 (before) … .9
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace quarterdeck {

struct LogFileOptions {
  std::filesystem::path path;
  std::int64_t quota_bytes = 100 * 1000 * 1000;  // all files together
  int files = 10;
};

class LogFile {
 public:
  // Makes the directory (0700) and the file (0600). Error: `unavailable`.
  static Result<LogFile> open(LogFileOptions options);
  // A full disk is not our problem: the record is dropped, as are all until there is room again.
  void write(std::string_view record);

 private:
  explicit LogFile(LogFileOptions options) : options_(std::move(options)) {}
  bool open_current();
  void rotate();

  LogFileOptions options_;
  UniqueFd file_;
  std::int64_t size_ = 0;
};

}  // namespace quarterdeck
