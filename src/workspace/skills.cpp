#include "workspace/skills.hpp"

#include <algorithm>
#include <map>

#include "config/front_matter.hpp"
#include "config/markdown.hpp"

namespace quarterdeck::workspace {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSkillsMax = 500;
constexpr int kFileDepthMax = 6;

class Finder {
 public:
  Finder(const SkillPlaces& where) : project_(where.worktree == "/" ? where.directory : where.worktree) {
    if (!where.trusted) confined_to_ = &project_;
  }

  void look_in(const fs::path& folder, bool from_project) {
    for (const fs::path& file : config::find_markdown(folder, from_project ? confined_to_ : nullptr)) {
      if (file.filename() == "SKILL.md" && found_.size() < kSkillsMax) add(file, from_project);
    }
  }

  FoundSkills take() {
    FoundSkills out{.skills = {}, .problems = std::move(problems_)};
    for (auto& [name, skill] : found_) out.skills.push_back(std::move(skill));
    return out;
  }

 private:
  void add(const fs::path& file, bool from_project) {
    const auto wrong = [&](std::string_view why) { problems_.push_back(fmt::format("{}: {}", file.string(), why)); };
    const auto text = read_file(file);
    if (!text) return wrong(text.error().message);
    const auto document = config::parse_markdown(*text);
    if (!document) return wrong(document.error().message);
    const wire::Json data(document->data);
    const wire::Json* description = wire::value_at(data, "description");
    Skill skill{.name = wire::string_at(data, "name"),
                .description = wire::string_at(data, "description"),
                .location = file,
                .content = wire::valid_utf8(document->content),
                .from_project = from_project};
    if (skill.name.empty()) return wrong("Expected a name\n  at [\"name\"]");
    if (description && !description->is_string()) return wrong("Expected string\n  at [\"description\"]");
    found_.insert_or_assign(skill.name, std::move(skill));
  }

  fs::path project_;
  const fs::path* confined_to_ = nullptr;
  std::map<std::string, Skill> found_;
  std::vector<std::string> problems_;
};

// The worktree first, the directory last.
std::vector<fs::path> levels_of(const SkillPlaces& where) {
  std::vector<fs::path> levels;
  for (fs::path at = where.directory;; at = at.parent_path()) {
    levels.push_back(at);
    if (where.worktree == "/" || at == where.worktree || at == at.parent_path()) break;
  }
  std::ranges::reverse(levels);
  return levels;
}

}  // namespace

FoundSkills find_skills(const Places& places, const SkillPlaces& where) {
  Finder finder(where);
  for (const char* folder : {".claude/skills", ".agents/skills"}) finder.look_in(places.home / folder, false);
  for (const fs::path& home : {places.opencode_config, places.home / ".opencode", places.config}) {
    for (const char* folder : {"skill", "skills"}) finder.look_in(home / folder, false);
  }
  for (const fs::path& level : levels_of(where)) {
    if (level == places.home) continue;  // the user's own, above
    for (const char* folder : {".claude/skills", ".agents/skills", ".opencode/skill", ".opencode/skills"}) {
      finder.look_in(level / folder, true);
    }
  }
  for (const std::string& path : where.paths) {
    const fs::path folder = path.starts_with("~/") ? places.home / path.substr(2) : where.directory / path;
    // A project names only folders of its own before it is trusted (config/load.cpp): what lies elsewhere is the user's.
    finder.look_in(folder, fs::path(path).is_relative() && !path.starts_with("~/"));
  }
  return finder.take();
}

std::vector<fs::path> skill_files(const fs::path& folder, std::size_t limit) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator{} && files.size() < limit * 20; at.increment(error)) {
    if (at.depth() >= kFileDepthMax || at->path().filename() == ".git") at.disable_recursion_pending();
    std::error_code ignored;
    if (at->is_regular_file(ignored) && at->path().filename() != "SKILL.md") files.push_back(at->path());
  }
  std::ranges::sort(files);
  if (files.size() > limit) files.resize(limit);
  return files;
}

}  // namespace quarterdeck::workspace
