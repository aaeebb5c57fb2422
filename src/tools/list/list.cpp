#include "tools/list/list.hpp"

#include "tools/arguments.hpp"
#include "tools/list/tree.hpp"
#include "tools/path_guard.hpp"
#include "tools/search/files_found.hpp"
#include "tools/search/search.hpp"
#include "tools/text_file.hpp"

namespace quarterdeck::tools {
namespace {

constexpr std::size_t kShownMax = 100;
constexpr std::size_t kSeenMax = 10'000;  // the nearest are chosen from so many

constexpr std::string_view kDescription =
    R"(Shows the files below a directory as a tree, for a first look at a project. What git ignores and what tools generate (node_modules, dist, build, target and the like) is left out; ignore leaves out more. At most 100 files are shown, those nearest to the top. To look for certain files use glob, for certain lines grep; to see all names of one directory use read.)";

constexpr std::string_view kParameters =
    R"json({"type":"object","properties":{"path":{"type":"string","description":"The directory to show; leave it out for the session's directory"},"ignore":{"type":"array","items":{"type":"string"},"description":"Globs of files and directories to leave out, such as *.lock or docs/**"}}})json";

// What tools write and people seldom read.
constexpr auto kGenerated = std::to_array<std::string_view>(
    {".cache", ".coverage",     ".gradle",  ".hg",  ".idea",     ".mypy_cache",  ".next",
     ".nuxt",  ".pytest_cache", ".svn",     ".tox", ".venv",     ".vscode",      "__pycache__",
     "bin",    "build",         "coverage", "dist", "env",       "node_modules", "obj",
     "target", "tmp",           "vendor",   "venv", "zig-cache", "zig-out"});

struct Arguments {
  std::optional<std::string> path;
  std::optional<std::vector<std::string>> ignore;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("path", arguments.path);
  io.field("ignore", arguments.ignore);
}

struct AskMetadata {
  std::string path;
};
template <class Io>
void describe(Io& io, AskMetadata& metadata) {
  io.field("path", metadata.path);
}

class List final : public Tool {
 public:
  std::string_view name() const override { return "list"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }
  bool idempotent() const override { return true; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    const auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(arguments.error());
    const Target target = resolve_path(arguments->path.value_or(""), context);
    auto allowed = co_await guard(target.file, PathKind::directory, context);
    if (!allowed) co_return std::unexpected(allowed.error());
    const std::string path = target.file.string();
    PermissionAsk ask{.permission = "list",
                      .patterns = {path},
                      .always = {"*"},
                      .metadata = wire::encode_json_text(AskMetadata{path})};
    allowed = co_await context.host.ask(std::move(ask));
    if (!allowed) co_return std::unexpected(allowed.error());

    const auto look = [file = target.file] { return kind_of(file); };
    const FileKind kind = co_await blocking(context.loop, context.pool, look);
    if (kind == FileKind::missing || kind == FileKind::under_file) {
      co_return failed("Directory not found: " + target.shown.string());
    }
    if (kind != FileKind::directory) co_return failed("Not a directory: " + target.shown.string());

    FileQuery query{.directory = target.file, .ignored = false, .limit = kSeenMax};
    for (const std::string_view generated : kGenerated) query.exclude.push_back(fmt::format("{}/", generated));
    for (const std::string& glob : arguments->ignore.value_or(std::vector<std::string>()))
      query.exclude.push_back(glob);
    auto files = co_await find_files(std::move(query), context);
    if (context.stop.stop_requested()) co_return std::unexpected(cancelled());
    if (!files) co_return failed(std::move(files.error()));

    const std::size_t seen = files->size();
    const auto shown = nearest(std::move(*files), kShownMax);
    const FilesFound metadata{.count = std::ssize(shown), .truncated = seen > kShownMax};
    std::string output = show_tree(target.file, shown);
    if (seen == 0) output += "(no files)\n";
    if (metadata.truncated) {
      output += fmt::format(
          "\n(Showing the {} files nearest to the top of {}{}. Use path to look into one directory, or glob.)",
          kShownMax, seen == kSeenMax ? "more than " : "", seen);
    }
    co_return ToolOutput{
        .title = target.title, .output = wire::valid_utf8(output), .metadata = wire::encode_json_text(metadata)};
  }
};

}  // namespace

std::unique_ptr<Tool> make_list() { return std::make_unique<List>(); }

}  // namespace quarterdeck::tools
