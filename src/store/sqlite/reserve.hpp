// A file that holds disk space back, so that a full disk still lets running turns store how they ended. Given back in
// quarters, since whatever fills the disk takes what is free; made again when there is room.
#pragma once

#include <cstdint>
#include <filesystem>

namespace quarterdeck::store::sqlite {

class Reserve {
 public:
  // `bytes` 0 = none. Touches nothing yet; what an earlier run left is taken over.
  Reserve(std::filesystem::path path, std::uint64_t bytes);

  // False when there is no room, or the file system cannot hold space back.
  bool fill();
  // Gives a quarter back to the disk. False when nothing is left.
  bool release();
  std::uint64_t held() const { return held_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  std::uint64_t bytes_;
  std::uint64_t held_ = 0;
};

}  // namespace quarterdeck::store::sqlite
