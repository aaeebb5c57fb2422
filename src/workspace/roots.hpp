// The folders below which projects may lie. What lies elsewhere is refused: whoever reaches the API must not make a
// project of /etc.
// Law: links and ".." are followed before anything is compared; a folder that does not exist yet counts by its path.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"

namespace quarterdeck::workspace {

class Roots {
 public:
  Roots() = default;  // everything is allowed
  // Absolute folders; "/" allows everything, too.
  explicit Roots(std::vector<std::filesystem::path> folders);

  // Reads the disk. Error: `denied`, with what to do.
  Result<void> check(const std::filesystem::path& directory) const;
  const std::vector<std::filesystem::path>& folders() const { return folders_; }

 private:
  std::vector<std::filesystem::path> folders_;
};

}  // namespace quarterdeck::workspace
