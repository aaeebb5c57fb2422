// Where state lives (XDG base directories) and whole-file reads and writes that never leave half a file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace quarterdeck {

// The environment and home, taken once at start-up; a constructor argument for everything that needs them.
struct Places {
  std::filesystem::path home;    // $HOME
  std::filesystem::path data;    // $XDG_DATA_HOME/quarterdeck    state, mode 0700
  std::filesystem::path config;  // $XDG_CONFIG_HOME/quarterdeck  config.json
  // Where OpenCode keeps its user-wide configuration, which is read too.
  std::filesystem::path opencode_config;  // $XDG_CONFIG_HOME/opencode

  static Places from_environment();
};

Result<std::string> read_file(const std::filesystem::path& path);
// Writes beside the target, syncs, renames: readers see the old or the new file, never a part. Keeps the old mode.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);

}  // namespace quarterdeck
