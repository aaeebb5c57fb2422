// The member "permission" (and the old "tools") as rules.
//   "ask"      {"edit": "deny"}      {"bash": {"*": "ask", "git *": "allow"}}      {"write": false}
#pragma once

#include <filesystem>

#include "domain/permission.hpp"
#include "wire/codec.hpp"

namespace quarterdeck::config {

// Both append, in the order of the document: the last matching rule wins.
void read_permission(const wire::Json& json, const wire::Path& at, wire::Problem& problem, domain::Ruleset& rules);
void read_tools(const wire::Json& json, const wire::Path& at, wire::Problem& problem, domain::Ruleset& rules);

// ~/x and $HOME/x in patterns.
void expand_home(domain::Ruleset& rules, const std::filesystem::path& home);

}  // namespace quarterdeck::config
