// A git repository (or a folder) that sessions work on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/json_text.hpp"

namespace quarterdeck::domain {

struct Project {
  std::string id;        // hash of the root commit; "global" outside a repository with a commit
  std::string worktree;  // absolute; "/" for the global project
  std::optional<std::string> vcs;  // "git" or absent
  std::optional<std::string> name;
  std::optional<JsonText> icon;      // {"url","override","color"}: clients show it
  std::optional<JsonText> commands;  // {"start"}: kept for clients
  TimeMs created = 0;
  TimeMs updated = 0;
  std::vector<std::string> sandboxes;
  bool operator==(const Project&) const = default;
};

}  // namespace quarterdeck::domain
