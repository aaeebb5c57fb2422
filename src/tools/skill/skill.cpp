#include "tools/skill/skill.hpp"

#include "tools/arguments.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::size_t kFilesShown = 10;

constexpr std::string_view kDescription =
    R"(Loads a skill: instructions, and files such as scripts, for a particular kind of task. The system prompt lists the skills that there are. Load one when the task matches its description, before you start.)";

constexpr std::string_view kParameters =
    R"({"type":"object","properties":{"name":{"type":"string","description":"The name of the skill from available_skills"}},"required":["name"]})";

struct Arguments {
  std::string name;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("name", arguments.name);
}

struct Metadata {
  std::string name;
  std::string dir;
};
template <class Io>
void describe(Io& io, Metadata& metadata) {
  io.field("name", metadata.name);
  io.field("dir", metadata.dir);
}

class SkillTool final : public Tool {
 public:
  std::string_view name() const override { return "skill"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }
  bool idempotent() const override { return true; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(std::move(arguments.error()));
    const std::vector<workspace::Skill> none;
    const auto& skills = context.skills ? *context.skills : none;
    const auto skill = std::ranges::find(skills, arguments->name, &workspace::Skill::name);
    if (skill == skills.end()) {
      std::string names;
      for (const auto& each : skills) names += (names.empty() ? "" : ", ") + each.name;
      co_return failed(
          fmt::format("Skill \"{}\" not found. Available skills: {}", arguments->name, names.empty() ? "none" : names));
    }
    PermissionAsk ask{.permission = "skill", .patterns = {arguments->name}, .always = {arguments->name}};
    const auto allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());

    const std::filesystem::path folder = skill->location.parent_path();
    auto list = [folder] { return workspace::skill_files(folder, kFilesShown); };
    const auto files = co_await blocking(context.loop, context.pool, list);
    std::string shown;
    for (const auto& file : files) {
      shown += fmt::format("{}<file>{}</file>", shown.empty() ? "" : "\n", file.string());
    }
    const Metadata metadata{.name = skill->name, .dir = folder.string()};
    co_return ToolOutput{
        .title = fmt::format("Loaded skill: {}", skill->name),
        .output = fmt::format("<skill_content name=\"{0}\">\n# Skill: {0}\n\n{1}\n\n"
                              "Base directory for this skill: {2}\n"
                              "Relative paths in this skill (e.g., scripts/, reference/) are relative to this base "
                              "directory.\nNote: file list is sampled.\n\n"
                              "<skill_files>\n{3}\n</skill_files>\n</skill_content>",
                              skill->name, skill->content, folder.string(), shown),
        .metadata = wire::encode_json_text(metadata)};
  }
};

}  // namespace

std::unique_ptr<Tool> make_skill() { return std::make_unique<SkillTool>(); }

}  // namespace quarterdeck::tools
