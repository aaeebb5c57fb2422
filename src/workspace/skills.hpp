// Skills: folders with a SKILL.md (name and description in its front matter) that an agent loads when a task asks for
// them. Found in, weakest first; a nearer one of the same name wins:
//   ~/.claude/skills, ~/.agents/skills                    the user's, as other tools keep them
//   {skill,skills} of the user's configuration directories
//   .claude/skills, .agents/skills, .opencode/{skill,skills}   from the worktree down to the directory
//   "skills": {"paths": […]} of the configuration
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/paths.hpp"

namespace quarterdeck::workspace {

struct Skill {
  std::string name;
  std::string description;        // empty: not offered to the model, but a command
  std::filesystem::path location;  // the SKILL.md
  std::string content;
  bool from_project = false;
  bool operator==(const Skill&) const = default;
};

struct SkillPlaces {
  std::filesystem::path directory;
  std::filesystem::path worktree;  // "/" outside a repository
  std::vector<std::string> paths;  // of the configuration
  bool trusted = false;            // else links of the project's are not followed out of it
};

struct FoundSkills {
  std::vector<Skill> skills;  // by name
  std::vector<std::string> problems;  // file and what is wrong with it
};

// Reads files: call it on the pool.
FoundSkills find_skills(const Places& places, const SkillPlaces& where);

// Up to `limit` files beside the SKILL.md in `folder`, absolute, in the order of names.
std::vector<std::filesystem::path> skill_files(const std::filesystem::path& folder, std::size_t limit);

}  // namespace quarterdeck::workspace
