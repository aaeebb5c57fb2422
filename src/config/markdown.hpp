// Agents and commands written as Markdown files, as the configuration that they stand for:
//
//   {agent,agents}/**/NAME.md        {"agent": {"NAME": {…front matter, "prompt": text}}}
//   {mode,modes}/NAME.md             the same, with "mode": "primary"
//   {command,commands}/**/NAME.md    {"command": {"NAME": {…front matter, "template": text}}}
//
// NAME keeps its folders: commands/git/push.md is "git/push".
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "wire/json.hpp"

namespace quarterdeck::config {

struct MarkdownMember {
  std::filesystem::path file;
  std::string member;                 // agent | command
  Result<wire::JsonObject> document;  // {member: {name: {…}}}
};

// In the order of names. Files larger than 1 MB and more than 1000 files are left out. With `confined_to`, links that
// lead out of that directory are not followed. Reads files.
std::vector<MarkdownMember> read_markdown_members(const std::filesystem::path& directory,
                                                  const std::filesystem::path* confined_to);

// The Markdown files below `directory`, in the order of names, at most 8 levels deep; links are followed, as above.
std::vector<std::filesystem::path> find_markdown(const std::filesystem::path& directory,
                                                 const std::filesystem::path* confined_to);

}  // namespace quarterdeck::config
