// What a terminal has shown, the newest 2 MB of it, for who looks later or looks again.
// Laws: positions count UTF-16 code units from the first one ever shown: OpenCode's clients count what they got by their
//       strings' lengths. What is read is whole characters of valid UTF-8, however the bytes came in.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace quarterdeck::terminal {

class Scrollback {
 public:
  static constexpr std::int64_t kUnitsMax = 2 * 1024 * 1024;
  static constexpr std::size_t kChunkBytes = 64 * 1024;

  void append(std::string_view bytes);
  // The oldest position that is still here, and the one after the newest.
  std::int64_t begin() const { return chunks_.empty() ? end_ : chunks_.front().begin; }
  std::int64_t end() const { return end_; }
  // What stands at `position`, or at begin() when that is gone: about `kChunkBytes` at most. Moves it behind.
  std::string read(std::int64_t& position, std::int64_t end) const;
  void clear();

 private:
  struct Chunk {
    std::int64_t begin = 0;
    std::int64_t units = 0;
    std::string text;
  };
  std::deque<Chunk> chunks_;
  std::int64_t end_ = 0;
  std::string incomplete_;  // the first bytes of a character
};

}  // namespace quarterdeck::terminal
