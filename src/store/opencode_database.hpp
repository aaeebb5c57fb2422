// OpenCode's own database, to take its sessions over. Opened read-only: nothing of it changes, also while OpenCode runs.
// What is read is JSON in the shape of its API, one session after another.
// Errors: `not_found` (no such file), `invalid` (no database of OpenCode, or of a version that is not known),
// `unavailable` (cannot be read).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace quarterdeck::store {

struct OpencodeSession {
  std::string id;
  std::string title;
  std::string info;  // JSON
  std::string project;  // JSON; empty when it has none
};

class OpencodeDatabase {
 public:
  virtual ~OpencodeDatabase() = default;
  // Those without a parent first, then by age: parents come before their children.
  virtual Result<std::vector<OpencodeSession>> sessions() = 0;
  // {"info","parts"} of each message, oldest first; `take` returns false to stop.
  virtual Result<void> each_message(const std::string& session, const std::function<bool(std::string json)>& take) = 0;
};

// `path`: the file, or the directory that holds opencode.db.
Result<std::unique_ptr<OpencodeDatabase>> open_opencode_database(std::filesystem::path path);
// $XDG_DATA_HOME/opencode/opencode.db, or below ~/.local/share.
std::filesystem::path usual_opencode_database(const std::filesystem::path& home);

}  // namespace quarterdeck::store
