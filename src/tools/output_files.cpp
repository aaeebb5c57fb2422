#include "tools/output_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/failpoint.hpp"

namespace quarterdeck::tools {

Cleaned clean_outputs(const std::filesystem::path& directory, const OutputQuota& quota, TimeMs now) {
  struct File {
    TimeMs changed;
    std::uint64_t bytes;
    std::filesystem::path path;
  };
  std::vector<File> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("tool_") && !name.starts_with(".quarterdeck-")) continue;
    struct stat status{};
    if (::fstatat(AT_FDCWD, entry.path().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
      continue;
    files.push_back({TimeMs{status.st_mtim.tv_sec} * 1000 + status.st_mtim.tv_nsec / 1'000'000,
                     static_cast<std::uint64_t>(status.st_blocks) * 512, entry.path()});
  }
  std::ranges::sort(files, std::greater(), &File::changed);
  Cleaned cleaned;
  for (const File& file : files) {
    const bool stays = now - file.changed <= quota.age_ms_max && cleaned.bytes_left + file.bytes <= quota.bytes_max;
    if (stays) {
      cleaned.bytes_left += file.bytes;
    } else if (std::filesystem::remove(file.path, error)) {
      ++cleaned.removed;
      failpoint::reach("output.clean");
    }
  }
  return cleaned;
}

}  // namespace quarterdeck::tools
