// Where a path of a tool call leads, and whether that is inside what the session may touch without asking.
// Law: links are followed before deciding, so a link inside the project that points out of it is outside.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/async.hpp"
#include "tools/tool.hpp"

namespace quarterdeck::tools {

struct Target {
  std::filesystem::path shown;  // absolute, as the model wrote it ("/p/s/../a" stays)
  std::filesystem::path file;   // absolute, without "." and ".."; links not followed
  std::string title;            // relative to the worktree
};

// A relative path starts at the session's directory; an empty one is that directory. `~` means nothing special.
Target resolve_path(std::string_view path, const ToolContext& context);

// `file` relative to the worktree, as titles show it: "s/a.txt", "../outside/o.txt", "" for the root.
std::string relative_title(const std::filesystem::path& file, const ToolContext& context);

// The real place of `file`: links followed as far as it exists. Reads the file system.
std::filesystem::path real_path(const std::filesystem::path& file);

// Inside the session's directory or its worktree ("/" counts for nothing). Reads the file system.
bool is_inside(const std::filesystem::path& file, const ToolContext& context);

enum class PathKind { file, directory };

// Asks for `external_directory` when `file` is outside. The pattern names everything in its directory.
Task<std::expected<void, ToolFailure>> guard(std::filesystem::path file, PathKind kind, ToolContext& context);

}  // namespace quarterdeck::tools
