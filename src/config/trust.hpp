// Which directories the user trusts: only there may what a project's own files say run something or reach for secrets
// (shell in commands, MCP servers, formatters, plugins, {env:…} and {file:…}). One file, <data>/trust.json, mode 0600.
//
// Law: trust goes downwards (a trusted directory trusts what lies below it) and to git worktrees whose main checkout is
//      trusted; links are followed first. A file that cannot be understood trusts nothing.
// All functions read files: call them on the pool. Errors: `invalid` (no such directory, damaged file), `unavailable`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/paths.hpp"
#include "base/result.hpp"

namespace quarterdeck::config {

struct TrustedDirectory {
  std::filesystem::path directory;  // absolute, links followed
  TimeMs since = 0;
  bool operator==(const TrustedDirectory&) const = default;
};

bool is_trusted(const Places& places, const std::filesystem::path& directory);

// Trusts the checkout that holds `directory`, or the directory itself outside a repository; answers which. Doing it
// again changes nothing.
Result<std::filesystem::path> trust(const Places& places, const std::filesystem::path& directory, TimeMs now);
// False when it was not on the list. The directory need not exist any more.
Result<bool> distrust(const Places& places, const std::filesystem::path& directory);
Result<std::vector<TrustedDirectory>> trusted_directories(const Places& places);

// The end of every message that refuses something for want of trust.
std::string how_to_trust(const std::filesystem::path& directory);

}  // namespace quarterdeck::config
