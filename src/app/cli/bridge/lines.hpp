// Standard input line by line, read on a thread of its own: it may be a pipe, a file or a terminal.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/async.hpp"

namespace quarterdeck::app {

class Lines {
 public:
  // A longer line ends the reading.
  static constexpr std::size_t kLineBytesMax = 16 * 1024 * 1024;

  explicit Lines(Loop& loop) : loop_(loop), pool_(make_blocking_pool(1)) {}
  // Without its line feed; nothing at the end of the input. One reader at a time.
  Task<std::optional<std::string>> next();

 private:
  std::optional<std::string> read();

  Loop& loop_;
  std::unique_ptr<BlockingPool> pool_;
  std::string buffer_;
  std::size_t scanned_ = 0;  // no line feed before
};

}  // namespace quarterdeck::app
